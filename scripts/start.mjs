import { join } from 'node:path'
import { hasDisplay, openAppWindow } from './browser.mjs'
import { capture, runWatched, stopSignals } from './children.mjs'
import { fetchElectron } from './electron-binary.mjs'
import { findNode } from './node24.mjs'
import { output, root, say } from './places.mjs'

/** Exit code of the desktop app after it said itself why it cannot start (src/main/index.ts). */
const toldCode = 69

/** Starts the desktop app, or where Electron cannot run the same app with its console in a browser. */
export async function start(args) {
  const { program, reason } = await obstacleToElectron()
  if (program === null) return startInBrowser(reason, args)
  const { code, obstacle } = await runElectron(program, [root, ...args])
  return obstacle === null ? code : startInBrowser(obstacle, args)
}

/**
 * Runs the desktop app to its end. `obstacle` says in one clause why there was none: Electron's program is there, but
 * the
 * system lacks a library it needs or forbids its sandbox. Whoever stopped it, or was told by the app itself why it
 * cannot
 * start, wants no other host.
 */
export async function runElectron(program, args) {
  let ready = false
  let stopped = false
  let last = ''
  const stop = () => {
    stopped = true
  }
  for (const signal of stopSignals) process.on(signal, stop)
  try {
    const code = await runWatched(program, args, (line, stream) => {
      ready ||= /^Switchboard \S+ is ready/.test(line)
      if (stream === 'stderr' && line.trim() !== '' && !last.includes(':FATAL:')) last = line.trim()
    })
    if (ready || stopped || code === 0 || code === toldCode) return { code, obstacle: null }
    // Chromium puts process, time and place in brackets before what it says.
    return {
      code,
      obstacle: `Electron ended with ${code} before its window opened (${last.replace(/^\[[^\]]*\]\s*/, '') || 'it gave no reason'})`,
    }
  } catch (error) {
    return { code: 1, obstacle: `Electron could not be started (${error.message})` }
  } finally {
    for (const signal of stopSignals) process.off(signal, stop)
  }
}

async function startInBrowser(reason, args) {
  say(`Running without Electron: ${reason}. The console is a page in your browser; everything else is the same.`)
  const cli = join(output, 'main', 'cli.js')
  let address = null
  let refused = false
  const code = await runWatched(findNode(), [cli, 'serve', ...args], (line) => {
    refused ||= line.startsWith('already_running')
    const found = consoleAddress(line)
    if (found === null || address !== null) return
    address = found
    show(address)
  })
  if (!refused) return code
  // The running one is what the person wants to see.
  const { text } = await capture(findNode(), [cli, 'status', ...homeOf(args)])
  address = consoleAddress(text)
  if (address === null) return code
  say(text.trim())
  show(address)
  return 0
}

const consoleAddress = (text) => /^console (http\S+)$/m.exec(text)?.[1] ?? null

/** `--home DIR` where it was given; the other options are those of serve. */
function homeOf(args) {
  const at = args.indexOf('--home')
  return at === -1 ? args.filter((argument) => argument.startsWith('--home=')) : args.slice(at, at + 2)
}

function show(url) {
  if (!hasDisplay()) say('There is no display here; open the address above in a browser on this machine.')
  else if (!openAppWindow(url)) say('No Chromium, Chrome or Edge was found; open the address above in a browser.')
}

/** The Electron program, or in one clause why it is not used. */
async function obstacleToElectron() {
  if (!hasDisplay()) return { program: null, reason: 'there is no display' }
  if (process.getuid?.() === 0)
    return { program: null, reason: 'Electron keeps its sandbox only for ordinary users, and this is root' }
  const program = await fetchElectron()
  return program === null
    ? { program, reason: 'its program could not be downloaded (npm run setup -- --electron tries again)' }
    : { program, reason: '' }
}
