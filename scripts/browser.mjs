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
const windowsPaths = [
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
      ? windowsPaths.map(([variable, path]) => join(process.env[variable] ?? '', path))
      : (process.env.PATH ?? '').split(delimiter).flatMap((folder) => linuxNames.map((name) => join(folder, name)))
  return candidates.find((path) => existsSync(path)) ?? null
}

/** Whether anyone could see a window. */
export function hasDisplay() {
  const alwaysOne = process.platform === 'win32' || process.platform === 'darwin'
  return alwaysOne || Boolean(process.env.DISPLAY || process.env.WAYLAND_DISPLAY)
}

/** Opens an address in a browser window without bars and does not wait for it. Returns whether a browser was found. */
export function openAppWindow(url) {
  const browser = findBrowser()
  if (browser === null) return false
  const asRoot = process.getuid?.() === 0 ? ['--no-sandbox'] : []
  const child = spawn(browser, [`--app=${url}`, ...asRoot], { detached: true, stdio: 'ignore' })
  child.on('error', (error) =>
    process.stderr.write(`The browser did not start (${error.message}); open the address above.\n`),
  )
  child.unref()
  return true
}
