import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The checkout these scripts belong to. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)))
export const modules = join(root, 'node_modules')
export const output = join(root, 'out')
/** Scratch files of the scripts. They live in node_modules so that deleting it resets everything. */
export const state = join(modules, '.switchboard')

/** Prints to stderr: stdout belongs to the program that is run. */
export function say(text) {
  process.stderr.write(`${text}\n`)
}

/** A failure the user can act on; printed without a stack trace. */
export class Refusal extends Error {}
