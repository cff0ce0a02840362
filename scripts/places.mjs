import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The checkout these scripts belong to, and the files they leave in it. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)))
export const modules = join(root, 'node_modules')
export const output = join(root, 'out')
/** Stamps live inside node_modules: they go when it goes. */
export const stamps = join(modules, '.switchboard')
/** Held by whoever installs or builds. */
export const setupLock = join(stamps, 'setup.lock')

/** Everything the scripts say themselves goes to stderr, so that stdout stays the program's own. */
export function say(text) {
  process.stderr.write(`${text}\n`)
}

/** A refusal a person can act on; printed without a stack. */
export class Refusal extends Error {}
