import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { capture } from './children.mjs'
import { findNode } from './node24.mjs'
import { modules, say, stamps } from './places.mjs'
import { readStamp, writeStamp } from './stamp.mjs'

const folder = join(modules, 'electron')
const refused = join(stamps, 'electron-refused')
const download = join(stamps, 'electron-download')
const hourMs = 60 * 60 * 1000
const dayMs = 24 * hourMs

/** Path of the Electron program, or null where it could not be had. */
export function findElectron() {
  const named = join(folder, 'path.txt')
  if (!existsSync(named)) return null
  const program = join(folder, 'dist', readFileSync(named, 'utf8').trim())
  return existsSync(program) ? program : null
}

/**
 * Lets Electron's own installer fetch its program, once. It may take as long as bytes arrive. A machine without that
 * connection shall start without waiting, so a refusal is remembered for a day and what may pass, silence or a broken
 * download, for an hour; a line that was only too slow is asked again at the next start. `again` asks in any case.
 */
export async function fetchElectron({ again = false, silentMs = again ? 120_000 : 20_000 } = {}) {
  const found = findElectron()
  if (found !== null) return found
  const version = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).version
  const last = JSON.parse(readStamp(refused) ?? 'null')
  if (!again && last !== null && last.version === version && Date.now() < last.until) return null
  say(`Fetching Electron ${version} (about 110 MB; given up when nothing arrives for ${silentMs / 1000} seconds).`)
  // The installer downloads into the system's temporary folder; in one of our own the bytes can be counted.
  rmSync(download, { recursive: true, force: true })
  mkdirSync(download, { recursive: true })
  let arrived = 0
  const progress = () => {
    arrived = bytesBelow(download) + bytesBelow(join(folder, 'dist'))
    return arrived
  }
  const before = progress()
  // It needs a newer Node than these scripts do.
  const { code, text, stalled } = await capture(findNode(), [join(folder, 'install.js')], {
    env: { ...process.env, TMPDIR: download, TEMP: download, TMP: download },
    timeoutMs: silentMs,
    progress,
  })
  rmSync(download, { recursive: true, force: true })
  const installed = findElectron()
  if (installed !== null) return installed
  say(stalled ? 'Nothing more arrived.' : `Electron's installer ended with ${code}: ${firstLine(text)}`)
  const flowed = arrived !== before
  const restMs = flowed && stalled ? 0 : flowed || stalled ? hourMs : dayMs
  if (restMs > 0) writeStamp(refused, JSON.stringify({ version, until: Date.now() + restMs }))
  return null
}

const firstLine = (text) =>
  text
    .split('\n')
    .map((line) => line.trim())
    .find((line) => line !== '') ?? 'it gave no reason'

/** Size of all files below a folder; what cannot be read, or goes away meanwhile, counts as nothing. */
function bytesBelow(path) {
  try {
    const stat = statSync(path)
    return stat.isDirectory()
      ? readdirSync(path).reduce((sum, name) => sum + bytesBelow(join(path, name)), 0)
      : stat.size
  } catch {
    return 0
  }
}
