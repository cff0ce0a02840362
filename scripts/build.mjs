import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { run } from './children.mjs'
import { exclusively } from './lock.mjs'
import { findNode } from './node24.mjs'
import { modules, output, Refusal, root, say, state } from './paths.mjs'

const sources = ['src', 'electron.vite.config.ts', 'package.json', 'package-lock.json']
const stamp = join(output, '.built')

/** Builds out/ unless the sources are unchanged since the last build. */
export async function build() {
  if (isCurrent()) return
  await exclusively(join(state, 'setup.lock'), async () => {
    if (isCurrent()) return
    say('Building (a few seconds, only after a change).')
    const digest = digestOfSources()
    rmSync(stamp, { force: true })
    const vite = join(modules, 'electron-vite', 'bin', 'electron-vite.js')
    const code = await run(findNode(), [vite, 'build', '--logLevel', 'warn'], { quiet: true })
    if (code !== 0) throw new Refusal(`The build ended with ${code}; its messages stand above.`)
    writeFileSync(stamp, digest)
  })
}

function isCurrent() {
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === digestOfSources()
}

/** Digest of names, sizes and times, which is milliseconds of work; contents would be felt at every start. */
function digestOfSources() {
  const digest = createHash('sha256')
  const visit = (path) => {
    const stat = statSync(join(root, path))
    if (stat.isDirectory()) for (const name of readdirSync(join(root, path)).sort()) visit(`${path}/${name}`)
    else if (!/\.test\.tsx?$/.test(path)) digest.update(`${path} ${stat.size} ${stat.mtimeMs}\n`)
  }
  for (const path of sources) visit(path)
  return digest.digest('hex')
}
