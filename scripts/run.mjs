// The only entry: node scripts/run.mjs setup|start|test|switchboard|node. It runs on any Node from 18 and needs no
// package; the product itself runs under the Node 24 that comes with the dependencies.
import { join } from 'node:path'
import { build } from './build.mjs'
import { check } from './check.mjs'
import { run } from './children.mjs'
import { fetchElectron } from './electron.mjs'
import { install } from './install.mjs'
import { findNode } from './node24.mjs'
import { output, Refusal, say } from './paths.mjs'
import { start } from './start.mjs'

/** The folder the user stands in, which npm names: file names among the arguments are relative to it. */
const cwd = process.env.INIT_CWD ?? process.cwd()

const commands = {
  async setup(args) {
    await install()
    await build()
    if (args.includes('--electron') && (await fetchElectron({ again: true })) === null)
      throw new Refusal('Electron could not be fetched; `npm start` opens the console in a browser instead.')
    return 0
  },
  async start(args) {
    await install()
    await build()
    return start(args)
  },
  async test(args) {
    await install()
    return check({ onlyUnit: args.includes('--unit') })
  },
  async switchboard(args) {
    await install()
    await build()
    return run(findNode(), [join(output, 'main', 'cli.js'), ...args], { cwd })
  },
  async node(args) {
    await install()
    return run(findNode(), args, { cwd })
  },
}

const [name = '', ...args] = process.argv.slice(2)
try {
  if (!Object.hasOwn(commands, name))
    throw new Refusal(`Unknown command "${name}". Known: ${Object.keys(commands).join(', ')}.`)
  process.exitCode = await commands[name](args)
} catch (error) {
  say(error instanceof Refusal ? error.message : String(error?.stack ?? error))
  process.exitCode = 1
}
