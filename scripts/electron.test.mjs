import { spawnSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { runElectron } from './electron.mjs'

let folder
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'switchboard-electron-'))
})
afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})

describe('fetching the Electron program', () => {
  const installers = {
    works: `fs.mkdirSync(path.join(__dirname, 'dist')); fs.writeFileSync(path.join(__dirname, 'dist', 'electron'), ''); fs.writeFileSync(path.join(__dirname, 'path.txt'), 'electron')`,
    fails: `console.error('TypeError: fetch failed'); process.exit(1)`,
  }
  const memory = () => join(folder, 'node_modules', '.switchboard', 'electron-failed')

  beforeEach(() => {
    mkdirSync(join(folder, 'scripts'))
    for (const name of readdirSync(import.meta.dirname))
      if (!name.includes('.test.')) cpSync(join(import.meta.dirname, name), join(folder, 'scripts', name))
    mkdirSync(join(folder, 'node_modules', 'electron'), { recursive: true })
    writeFileSync(join(folder, 'node_modules', 'electron', 'package.json'), '{ "version": "1.2.3" }')
  })

  /** Fetches in a checkout of its own, with the given installer; the result, and what was printed. */
  function fetched(installer, options = '{}') {
    writeFileSync(
      join(folder, 'node_modules', 'electron', 'install.js'),
      `const fs = require('node:fs'), path = require('node:path')
      fs.appendFileSync(path.join(__dirname, 'runs'), (process.env.PINNED ?? 'other') + '\\n')
      ${installers[installer]}`,
    )
    const module = JSON.stringify(pathToFileURL(join(folder, 'scripts', 'electron.mjs')).href)
    const script = `import(${module}).then(async (electron) => console.log(JSON.stringify(await electron.fetchElectron(${options}))))`
    const { stdout, stderr } = spawnSync(process.execPath, ['-e', script], { cwd: folder, encoding: 'utf8' })
    return { program: JSON.parse(stdout), said: stderr }
  }
  const runs = () =>
    readFileSync(join(folder, 'node_modules', 'electron', 'runs'), 'utf8')
      .trim()
      .split('\n')

  test('leaves the program, and nothing to remember', () => {
    expect(fetched('works').program).toBe(join(folder, 'node_modules', 'electron', 'dist', 'electron'))
    expect(existsSync(memory())).toBe(false)
  })

  test('a failure is given with its reason and not repeated on the same day, unless asked for', () => {
    expect(fetched('fails')).toEqual({ program: null, said: expect.stringContaining('TypeError: fetch failed') })
    expect(fetched('works')).toEqual({ program: null, said: '' })
    expect(runs()).toHaveLength(1)
    expect(fetched('works', '{ again: true }').program).not.toBe(null)
    expect(existsSync(memory())).toBe(false)
  })

  test('the next day, and for another version, it is tried again', () => {
    fetched('fails')
    const yesterday = Date.now() / 1000 - 25 * 60 * 60
    utimesSync(memory(), yesterday, yesterday)
    fetched('fails')
    expect(runs()).toHaveLength(2)
    writeFileSync(join(folder, 'node_modules', 'electron', 'package.json'), '{ "version": "1.2.4" }')
    expect(fetched('works').program).not.toBe(null)
  })

  test.skipIf(process.platform === 'win32')('the installer runs under the Node from the dependencies', () => {
    const bin = join(folder, 'node_modules', `node-${process.platform}-${process.arch}`, 'bin')
    mkdirSync(bin, { recursive: true })
    writeFileSync(join(bin, 'node'), `#!/bin/sh\nPINNED=pinned exec '${process.execPath}' "$@"\n`, { mode: 0o755 })
    fetched('works')
    expect(runs()).toEqual(['pinned'])
  })
})

/** Runs a program that behaves as Electron would. */
async function electron(source) {
  const script = join(folder, 'electron.mjs')
  writeFileSync(script, source)
  return await runElectron(process.execPath, [script])
}

const FOREVER = 'setInterval(() => undefined, 1000)'

describe('an Electron that cannot start says why', () => {
  test.each([
    [
      'its sandbox is forbidden',
      `process.stderr.write('[123:0101/000000.000000:FATAL:setuid_sandbox_host.cc(166)] The sandbox is not configured.\\n'); process.kill(process.pid, 'SIGTRAP'); ${FOREVER}`,
      'Electron ended with 133 before its window opened (The sandbox is not configured.)',
    ],
    [
      'a library is missing',
      `process.stderr.write('electron: error while loading shared libraries: libnss3.so'); process.exit(127)`,
      'Electron ended with 127 before its window opened (electron: error while loading shared libraries: libnss3.so)',
    ],
    ['no reason', 'process.exit(1)', 'Electron ended with 1 before its window opened (no reason given)'],
  ])('%s', async (_, source, obstacle) => {
    expect((await electron(source)).obstacle).toBe(obstacle)
  })

  test('there is no such program', async () => {
    expect((await runElectron(join(folder, 'missing'), [])).obstacle).toContain('ENOENT')
  })
})

describe('no other host is started', () => {
  test.each([
    ['after a clean end', 'process.exit(0)', 0],
    [
      'when the app reported why it cannot start',
      `process.stderr.write('already_running: x\\n'); process.exit(69)`,
      69,
    ],
    [
      'when it crashes after it was ready',
      `process.stdout.write('Switchboard 0.1.0 is ready; endpoint http://127.0.0.1:1/v1\\n', () => process.kill(process.pid, 'SIGSEGV')); ${FOREVER}`,
      139,
    ],
  ])('%s', async (_, source, code) => {
    expect(await electron(source)).toEqual({ code, obstacle: null })
  })

  test.skipIf(process.platform === 'win32')('when the user stopped it', () => {
    const script = join(folder, 'electron.mjs')
    writeFileSync(
      script,
      `process.on('SIGTERM', () => process.exit(1)); process.kill(process.ppid, 'SIGTERM'); ${FOREVER}`,
    )
    const module = JSON.stringify(new URL('electron.mjs', import.meta.url).href)
    const starter = `import(${module}).then(async ({ runElectron }) => console.log(JSON.stringify(await runElectron(process.execPath, [${JSON.stringify(script)}]))))`
    expect(JSON.parse(spawnSync(process.execPath, ['-e', starter], { encoding: 'utf8' }).stdout)).toEqual({
      code: 1,
      obstacle: null,
    })
  })
})

test('a process it leaves running, such as a browser for a link, is not waited for', async () => {
  const left = join(folder, 'left')
  const { code } = await electron(`import { spawn } from 'node:child_process'
    import { writeFileSync } from 'node:fs'
    const child = spawn(process.execPath, ['-e', '${FOREVER}'], { stdio: 'inherit', detached: true })
    writeFileSync(${JSON.stringify(left)}, String(child.pid))
    child.unref()
    process.exit(0)`)
  expect(code).toBe(0)
  process.kill(Number(readFileSync(left, 'utf8')))
})
