import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { run } from './children.mjs'
import { findNode } from './node24.mjs'
import { modules, output, Refusal, root, say, setupLock } from './places.mjs'
import { exclusively, readStamp, treeDigest, writeStamp } from './stamp.mjs'

const sources = ['src', 'electron.vite.config.ts', 'package.json', 'package-lock.json']
const stamp = join(output, '.built')

/** Builds out/ where the sources changed since the last build. */
export async function build() {
  if (isCurrent()) return
  await exclusively(setupLock, async () => {
    if (isCurrent()) return
    say('Building (some seconds, after a change).')
    const digest = digestOfSources()
    const code = await run(
      findNode(),
      [join(modules, 'electron-vite', 'bin', 'electron-vite.js'), 'build', '--logLevel', 'warn'],
      { quiet: true },
    )
    if (code !== 0) throw new Refusal(`The build ended with ${code}; what it said stands above.`)
    writeStamp(stamp, digest)
  })
}

function isCurrent() {
  return existsSync(join(output, 'main', 'cli.js')) && readStamp(stamp) === digestOfSources()
}

function digestOfSources() {
  return treeDigest(root, sources, (path) => /\.test\.tsx?$/.test(path))
}
