// The one way in: node scripts/run.mjs setup|start|test|switchboard|node. Runs on any Node from 18 and needs no
// package;
// everything of the product itself runs under the Node 24 that comes with the dependencies.
import { join } from 'node:path'
import { build } from './build.mjs'
import { run } from './children.mjs'
import { fetchElectron } from './electron-binary.mjs'
import { install } from './install.mjs'
import { findNode } from './node24.mjs'
import { output, Refusal, say } from './places.mjs'
import { start } from './start.mjs'
import { test } from './test.mjs'

const commands = {
  async setup(args) {
    await install()
    await build()
    if (args.includes('--electron') && (await fetchElectron({ again: true })) === null) {
      throw new Refusal('Electron could not be fetched; `npm start` opens the console in a browser instead.')
    }
    return 0
  },
  async start(args) {
    await install()
    await build()
    return start(args)
  },
  async test(args) {
    await install()
    return test(args)
  },
  async switchboard(args) {
    await install()
    await build()
    // Files named in the arguments are meant from where the person stands; npm says where that was.
    return run(findNode(), [join(output, 'main', 'cli.js'), ...args], { cwd: process.env.INIT_CWD ?? process.cwd() })
  },
  async node(args) {
    await install()
    return run(findNode(), args, { cwd: process.env.INIT_CWD ?? process.cwd() })
  },
}

const [name = '', ...args] = process.argv.slice(2)
const command = Object.hasOwn(commands, name) ? commands[name] : undefined
try {
  if (command === undefined) throw new Refusal(`Unknown command "${name}". Known: ${Object.keys(commands).join(', ')}.`)
  process.exitCode = await command(args)
} catch (error) {
  say(error instanceof Refusal ? error.message : String(error?.stack ?? error))
  process.exitCode = 1
}
