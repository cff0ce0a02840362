import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'

let folder
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'switchboard-start-'))
  cpSync(import.meta.dirname, join(folder, 'scripts'), { recursive: true })
  mkdirSync(join(folder, 'out', 'main'), { recursive: true })
})
afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})

/** Starts a checkout whose built command line is `cli` (source text). */
function started(cli, args, { asUser = false, display = '' } = {}) {
  writeFileSync(join(folder, 'out', 'main', 'cli.js'), cli)
  const module = JSON.stringify(pathToFileURL(join(folder, 'scripts', 'start.mjs')).href)
  const starter = `${asUser ? 'process.getuid = () => 1000;' : ''} import(${module}).then(async ({ start }) => { process.exitCode = await start(${JSON.stringify(args)}) })`
  const env = { ...process.env, DISPLAY: display, WAYLAND_DISPLAY: '' }
  return spawnSync(process.execPath, ['-e', starter], { encoding: 'utf8', env })
}

test.skipIf(process.platform === 'win32')(
  'an Electron that cannot start is followed by the browser console, with its reason and the same options',
  () => {
    const electronFolder = join(folder, 'node_modules', 'electron')
    mkdirSync(join(electronFolder, 'dist'), { recursive: true })
    writeFileSync(join(electronFolder, 'path.txt'), 'electron')
    const program = '#!/bin/sh\necho "libgtk-3.so.0: cannot open" >&2\nexit 127\n'
    writeFileSync(join(electronFolder, 'dist', 'electron'), program, { mode: 0o755 })
    const { stdout, stderr } = started('console.log(process.argv.slice(2).join(" "))', ['--port', '0'], {
      asUser: true,
      display: ':0',
    })
    expect(stdout).toBe('serve --port 0\n')
    expect(stderr).toContain(
      'Running without Electron: Electron ended with 127 before its window opened (libgtk-3.so.0: cannot open).',
    )
  },
)

test.skipIf(process.platform !== 'linux')('an instance that runs already is shown', () => {
  const cli = `const [command, ...args] = process.argv.slice(2)
    if (command === 'serve') { console.error('already_running: x'); process.exitCode = 1 }
    else console.log('console http://127.0.0.1:1/console/#' + args.join('/'))`
  const { status, stdout, stderr } = started(cli, ['--port', '0', '--home', 'h'])
  expect({ status, stdout }).toEqual({ status: 0, stdout: 'console http://127.0.0.1:1/console/#--home/h\n' })
  expect(stderr).toContain('there is no display')
})
