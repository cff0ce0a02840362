import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** The checkout under test and what its build wrote. */
export const root = join(import.meta.dirname, '..', '..')
export const builtCli = join(root, 'out', 'main', 'cli.js')
export const builtMain = join(root, 'out', 'main', 'index.js')

/** A home folder of its own for each start; the system clears it away. */
export function newHome(): string {
  return mkdtempSync(join(tmpdir(), 'switchboard-e2e-'))
}
