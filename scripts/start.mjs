import { join } from 'node:path'
import { hasDisplay, openAppWindow } from './browser.mjs'
import { run } from './children.mjs'
import { fetchElectron, runElectron } from './electron.mjs'
import { findNode } from './node24.mjs'
import { output, root, say } from './paths.mjs'

/** Starts the desktop app, or where Electron cannot run the same app with its console in a browser. */
export async function start(args) {
  const { program, reason } = await electronOrReason()
  if (program === null) return startInBrowser(reason, args)
  const { code, obstacle } = await runElectron(program, [root, ...args])
  return obstacle === null ? code : startInBrowser(obstacle, args)
}

/** The Electron program, or in one clause why it is not used. */
async function electronOrReason() {
  if (!hasDisplay()) return { program: null, reason: 'there is no display' }
  if (process.getuid?.() === 0)
    return { program: null, reason: 'Electron keeps its sandbox only for ordinary users, and this is root' }
  const program = await fetchElectron()
  return { program, reason: 'its program could not be downloaded (npm run setup -- --electron tries again)' }
}

async function startInBrowser(reason, args) {
  say(`Running without Electron: ${reason}. The console is a page in your browser; everything else is the same.`)
  const cli = join(output, 'main', 'cli.js')
  let address = null
  let alreadyRunning = false
  const readAddress = (line) => {
    const found = /^console (http\S+)$/.exec(line)?.[1]
    if (found === undefined || address !== null) return
    address = found
    show(address)
  }
  const code = await run(findNode(), [cli, 'serve', ...args], {
    onLine: (line) => {
      alreadyRunning ||= line.startsWith('already_running')
      readAddress(line)
    },
  })
  if (!alreadyRunning) return code
  // Show the instance that runs already.
  await run(findNode(), [cli, 'status', ...homeOf(args)], { onLine: readAddress })
  return address === null ? code : 0
}

/** `--home DIR` where it was given: the one option that `status` shares with `serve`. */
function homeOf(args) {
  const at = args.indexOf('--home')
  return at === -1 ? args.filter((argument) => argument.startsWith('--home=')) : args.slice(at, at + 2)
}

function show(url) {
  if (!hasDisplay()) say('There is no display here; open the address above in a browser on this machine.')
  else if (!openAppWindow(url)) say('No Chromium, Chrome or Edge was found; open the address above in a browser.')
}
