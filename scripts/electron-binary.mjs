import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { capture } from './children.mjs'
import { modules, say, stamps } from './places.mjs'
import { readStamp, writeStamp } from './stamp.mjs'

const folder = join(modules, 'electron')
const refused = join(stamps, 'electron-refused')
const dayMs = 24 * 60 * 60 * 1000

/** Path of the Electron program, or null where it could not be had. */
export function findElectron() {
  const named = join(folder, 'path.txt')
  if (!existsSync(named)) return null
  const program = join(folder, 'dist', readFileSync(named, 'utf8').trim())
  return existsSync(program) ? program : null
}

/**
 * Lets Electron's own installer fetch its program, once; a failure is remembered for a day, so that a machine without
 * that connection starts without waiting. `again` asks in any case.
 */
export async function fetchElectron({ again = false } = {}) {
  const found = findElectron()
  if (found !== null) return found
  const version = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).version
  const last = JSON.parse(readStamp(refused) ?? 'null')
  if (!again && last !== null && last.version === version && Date.now() - last.at < dayMs) return null
  say(`Fetching Electron ${version} (tried for at most ${again ? 300 : 20} seconds).`)
  const { code } = await capture(process.execPath, [join(folder, 'install.js')], { timeoutMs: again ? 300_000 : 20_000 })
  const installed = findElectron()
  if (installed === null) {
    say(`Electron's installer ended with ${code}.`)
    writeStamp(refused, JSON.stringify({ version, at: Date.now() }))
  }
  return installed
}
