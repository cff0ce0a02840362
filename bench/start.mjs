// Sets the product up, then runs the comparison under the Node it ships with; works from any folder.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

const here = import.meta.dirname ?? new URL('.', import.meta.url).pathname
const run = join(here, '..', 'scripts', 'run.mjs')
for (const args of [['setup'], ['node', join(here, 'run.ts'), ...process.argv.slice(2)]]) {
  const { status } = spawnSync(process.execPath, [run, ...args], { stdio: 'inherit', cwd: join(here, '..') })
  if (status !== 0) process.exit(status ?? 1)
}
