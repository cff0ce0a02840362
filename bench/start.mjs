// Builds the product, then measures it under its own Node; works from any folder.
//   node start.mjs bench [--quick] [--rounds N] [--shape 0.5b|1.5b|tiny] [--only demo|window|peers]
//   node start.mjs soak [--minutes N]
//   node start.mjs profile [--shape NAME]
//   node start.mjs identity [--shape NAME]
import { spawnSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Refusal, say } from '../scripts/paths.mjs'
import { installPeers } from './install-peers.mjs'

const here = dirname(fileURLToPath(import.meta.url))
const runner = join(here, '..', 'scripts', 'run.mjs')

function run(...args) {
  const { status } = spawnSync(process.execPath, [runner, ...args], { stdio: 'inherit', cwd: join(here, '..') })
  return status ?? 1
}

async function bench(args) {
  const only = args.includes('--only') ? args[args.indexOf('--only') + 1] : null
  const tables = ['demo', 'window', 'peers'].filter((table) => only === null || table === only)
  if (tables.length === 0) throw new Refusal(`--only ${only} is none of demo, window and peers`)
  // A missing peer is reported before minutes are spent on the other tables.
  if (tables.includes('peers')) await installPeers()
  // A missed target of one table must not hide the next.
  const codes = tables.map((table) => run('node', join(here, `${table}.ts`), ...args))
  return Math.max(...codes)
}

const [what, ...args] = process.argv.slice(2)
try {
  const single = ['soak', 'profile', 'identity']
  if (what !== 'bench' && !single.includes(what))
    throw new Refusal(`node start.mjs bench, ${single.join(' or ')}, not ${what}`)
  if (run('setup') !== 0) process.exitCode = 1
  else process.exitCode = what === 'bench' ? await bench(args) : run('node', join(here, `${what}.ts`), ...args)
} catch (error) {
  say(error instanceof Refusal ? error.message : String(error?.stack ?? error))
  process.exitCode = 1
}
