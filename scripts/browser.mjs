import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

const linuxNames = [
  'chromium',
  'chromium-browser',
  'google-chrome',
  'google-chrome-stable',
  'microsoft-edge',
  'brave-browser',
]
const windowsPlaces = [
  ['ProgramFiles', 'Google/Chrome/Application/chrome.exe'],
  ['ProgramFiles(x86)', 'Google/Chrome/Application/chrome.exe'],
  ['LocalAppData', 'Google/Chrome/Application/chrome.exe'],
  ['ProgramFiles(x86)', 'Microsoft/Edge/Application/msedge.exe'],
  ['ProgramFiles', 'Microsoft/Edge/Application/msedge.exe'],
]

/** Path of an installed Chromium, Chrome or Edge, or null. */
export function findBrowser() {
  const candidates =
    process.platform === 'win32'
      ? windowsPlaces.flatMap(([variable, path]) =>
          process.env[variable] === undefined ? [] : [join(process.env[variable], path)],
        )
      : (process.env.PATH ?? '').split(delimiter).flatMap((folder) => linuxNames.map((name) => join(folder, name)))
  return candidates.find((path) => existsSync(path)) ?? null
}

/** Whether a window could be seen by anyone. */
export function hasDisplay() {
  return (
    process.platform === 'win32' ||
    process.platform === 'darwin' ||
    Boolean(process.env.DISPLAY || process.env.WAYLAND_DISPLAY)
  )
}

/** Opens an address as a window without browser bars and leaves it to itself. Returns whether there was a browser. */
export function openAppWindow(url) {
  const browser = findBrowser()
  if (browser === null) return false
  const asRoot = process.getuid?.() === 0 ? ['--no-sandbox'] : []
  const child = spawn(browser, [`--app=${url}`, ...asRoot], { detached: true, stdio: 'ignore' })
  // The console is served either way; a browser that cannot start is told of by the address that was printed.
  child.on('error', (error) =>
    process.stderr.write(`The browser did not start (${error.message}); open the address above.\n`),
  )
  child.unref()
  return true
}
