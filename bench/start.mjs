// Sets the product up, then measures it under the Node it ships with; works from any folder.
//   node start.mjs bench [--quick]     node start.mjs soak [--minutes N]
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

const here = import.meta.dirname ?? new URL('.', import.meta.url).pathname
const runner = join(here, '..', 'scripts', 'run.mjs')

function run(...args) {
  const { status } = spawnSync(process.execPath, [runner, ...args], { stdio: 'inherit', cwd: join(here, '..') })
  return status ?? 1
}

const [what, ...args] = process.argv.slice(2)
if (what !== 'bench' && what !== 'soak') throw new TypeError(`node start.mjs bench or soak, not ${what}`)
if (run('setup') !== 0) process.exit(1)
if (what === 'soak') process.exit(run('node', join(here, 'soak.ts'), ...args))

process.exit(run('node', join(here, 'demo.ts'), ...args))
