import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const entries = {
  engine: { source: '../inference/process.ts', bundle: 'engine-process.js' },
  storage: { source: '../storage/worker.ts', bundle: 'storage-worker.js' },
  tool: { source: '../workshop/process.ts', bundle: 'tool-process.js' },
  text: { source: '../text/text-worker.ts', bundle: 'text-worker.js' },
} as const

/**
 * Path of the script that a child process or worker runs: the TypeScript file when run from source, otherwise the built
 * file in out/main. The bundler may have put this module into a chunk folder below out/main.
 * @param from URL of this module; passed only by tests.
 */
export function processEntry(name: keyof typeof entries, from: string = import.meta.url): string {
  const path = fileURLToPath(from)
  if (path.endsWith('.ts')) return join(dirname(path), entries[name].source)
  const main = dirname(path).replace(/([\\/]out[\\/]main)[\\/].*$/, '$1')
  return join(main, entries[name].bundle)
}
