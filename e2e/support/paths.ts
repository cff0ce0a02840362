import { cpSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** The checkout under test and its build output. */
export const root = join(import.meta.dirname, '..', '..')
export const builtCli = join(root, 'out', 'main', 'cli.js')
export const builtMain = join(root, 'out', 'main', 'index.js')

/** Set by global-setup.ts: the graphs of a home that has loaded the demo model once. */
export const GRAPHS_VARIABLE = 'SWITCHBOARD_E2E_GRAPHS'

/** An empty home folder, as on the first start after an installation. The system clears it away. */
export function emptyHome(): string {
  return mkdtempSync(join(tmpdir(), 'switchboard-e2e-'))
}

/** A home folder without data, but with the demo model's graph, which saves each start the seconds to build it. */
export function newHome(): string {
  const home = emptyHome()
  const graphs = process.env[GRAPHS_VARIABLE]
  if (graphs === undefined)
    throw new Error(`${GRAPHS_VARIABLE} is not set: run the tests with e2e/playwright.config.ts`)
  cpSync(graphs, join(home, 'graphs'), { recursive: true, preserveTimestamps: true })
  return home
}
