import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { run, STOP_SIGNALS } from './children.mjs'
import { findNode } from './node24.mjs'
import { modules, say, state } from './paths.mjs'

const folder = join(modules, 'electron')
const failed = join(state, 'electron-failed')
const DAY_MS = 24 * 60 * 60 * 1000

/** Exit code of the desktop app after it showed why it cannot start (src/main/index.ts). */
const REPORTED_EXIT_CODE = 69

/** Path of the Electron program, or null where it is not installed. */
function findElectron() {
  const named = join(folder, 'path.txt')
  if (!existsSync(named)) return null
  const program = join(folder, 'dist', readFileSync(named, 'utf8').trim())
  return existsSync(program) ? program : null
}

/**
 * Downloads the Electron program with Electron's own installer, whose connection gives up by itself. Resolves to its
 * path, or to null where it cannot be had; after a failure the next attempt is a day later, so that a machine without
 * that connection starts without a wait. `again` tries in any case.
 */
export async function fetchElectron({ again = false } = {}) {
  const found = findElectron()
  if (found !== null) return found
  const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  if (!again && failedToday(version)) return null
  say(`Downloading Electron ${version} (about 110 MB, once).`)
  const lines = []
  // The installer needs a newer Node than these scripts.
  const code = await run(findNode(), [join(folder, 'install.js')], { onLine: (line) => lines.push(line), show: false })
  const installed = findElectron()
  if (installed !== null) {
    rmSync(failed, { force: true })
    return installed
  }
  const reason = lines.map((line) => line.trim()).find((line) => line !== '') ?? 'no reason given'
  say(`Electron's installer ended with ${code}: ${reason}`)
  mkdirSync(state, { recursive: true })
  writeFileSync(failed, version)
  return null
}

function failedToday(version) {
  const stat = statSync(failed, { throwIfNoEntry: false })
  return stat !== undefined && Date.now() - stat.mtimeMs < DAY_MS && readFileSync(failed, 'utf8') === version
}

/**
 * Runs the desktop app to its end. `obstacle` says in one clause why Electron could not run here: a system library is
 * missing, or the system forbids its sandbox. It is null after a stop by the user and after a failure that the app
 * itself has reported, since another host would not help.
 */
export async function runElectron(program, args) {
  let ready = false
  let stopped = false
  let lastError = ''
  const stop = () => {
    stopped = true
  }
  for (const signal of STOP_SIGNALS) process.on(signal, stop)
  try {
    const onLine = (line, stream) => {
      ready ||= /^Switchboard \S+ is ready/.test(line)
      if (stream === 'stderr' && line.trim() !== '' && !lastError.includes(':FATAL:')) lastError = line.trim()
    }
    const code = await run(program, args, { onLine })
    if (ready || stopped || code === 0 || code === REPORTED_EXIT_CODE) return { code, obstacle: null }
    // Chromium puts process, time and source line in brackets before its message.
    const reason = lastError.replace(/^\[[^\]]*\]\s*/, '') || 'no reason given'
    return { code, obstacle: `Electron ended with ${code} before its window opened (${reason})` }
  } catch (error) {
    return { code: 1, obstacle: `Electron could not be started (${error.message})` }
  } finally {
    for (const signal of STOP_SIGNALS) process.off(signal, stop)
  }
}
