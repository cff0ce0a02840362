import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { runElectron } from './start.mjs'

let folder
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'switchboard-start-'))
})
afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})

/** Runs a program that behaves as Electron would. */
async function electron(source) {
  const script = join(folder, 'electron.mjs')
  writeFileSync(script, source)
  return await runElectron(process.execPath, [script])
}

describe('an Electron that is there and cannot start', () => {
  test('says why: its sandbox is forbidden', async () => {
    const said =
      '[123:0101/000000.000000:FATAL:setuid_sandbox_host.cc(166)] The SUID sandbox helper binary was found, but is not configured correctly.'
    const { obstacle } = await electron(
      `process.stderr.write(${JSON.stringify(`${said}\n`)}); process.kill(process.pid, 'SIGTRAP'); setInterval(() => undefined, 1000)`,
    )
    expect(obstacle).toBe(
      'Electron ended with 133 before its window opened (The SUID sandbox helper binary was found, but is not configured correctly.)',
    )
  })

  test('says why: a library is missing', async () => {
    const { obstacle } = await electron(
      `process.stderr.write('electron: error while loading shared libraries: libnss3.so: cannot open shared object file'); process.exit(127)`,
    )
    expect(obstacle).toContain(
      'Electron ended with 127 before its window opened (electron: error while loading shared libraries: libnss3.so',
    )
  })

  test('gives no reason', async () => {
    expect((await electron('process.exit(1)')).obstacle).toContain('it gave no reason')
  })

  test('is no program at all', async () => {
    expect((await runElectron(join(folder, 'missing'), [])).obstacle).toContain('ENOENT')
  })
})

describe('no second host is started', () => {
  test.each([
    ['after a clean end', 'process.exit(0)', 0],
    [
      'when the app said itself why it cannot start, as when another one runs',
      `process.stderr.write('already_running: x\\n'); process.exit(69)`,
      69,
    ],
    [
      'when it breaks after it was ready',
      `process.stdout.write('Switchboard 0.1.0 is ready; endpoint http://127.0.0.1:1/v1\\n', () => process.kill(process.pid, 'SIGSEGV')); setInterval(() => undefined, 1000)`,
      139,
    ],
  ])('%s', async (_, source, code) => {
    expect(await electron(source)).toEqual({ code, obstacle: null })
  })

  test.skipIf(process.platform === 'win32')('when the person stopped it', () => {
    const script = join(folder, 'electron.mjs')
    writeFileSync(
      script,
      `process.on('SIGTERM', () => process.exit(1)); process.kill(process.ppid, 'SIGTERM'); setInterval(() => undefined, 1000)`,
    )
    const starter = `import(${JSON.stringify(new URL('start.mjs', import.meta.url).href)}).then(async ({ runElectron }) => console.log(JSON.stringify(await runElectron(process.execPath, [${JSON.stringify(script)}]))))`
    expect(JSON.parse(spawnSync(process.execPath, ['-e', starter], { encoding: 'utf8' }).stdout)).toEqual({
      code: 1,
      obstacle: null,
    })
  })
})

test.skipIf(process.platform === 'win32')(
  'an Electron that cannot start is followed by the host without it, with the same options',
  () => {
    cpSync(import.meta.dirname, join(folder, 'scripts'), { recursive: true })
    const electronFolder = join(folder, 'node_modules', 'electron')
    mkdirSync(join(electronFolder, 'dist'), { recursive: true })
    writeFileSync(join(electronFolder, 'path.txt'), 'electron')
    writeFileSync(
      join(electronFolder, 'dist', 'electron'),
      '#!/bin/sh\necho "libgtk-3.so.0: cannot open" >&2\nexit 127\n',
      { mode: 0o755 },
    )
    mkdirSync(join(folder, 'out', 'main'), { recursive: true })
    writeFileSync(join(folder, 'out', 'main', 'cli.js'), 'console.log(process.argv.slice(2).join(" "))')
    // As an ordinary user at a screen.
    const starter = `process.getuid = () => 1000; import(${JSON.stringify(pathToFileURL(join(folder, 'scripts', 'start.mjs')).href)}).then(({ start }) => start(['--port', '0']))`
    const { stdout, stderr } = spawnSync(process.execPath, ['-e', starter], {
      encoding: 'utf8',
      env: { ...process.env, DISPLAY: ':0' },
    })
    expect(stdout).toBe('serve --port 0\n')
    expect(stderr).toContain(
      'Running without Electron: Electron ended with 127 before its window opened (libgtk-3.so.0: cannot open).',
    )
  },
)

test('what it leaves running, a browser for a link, is not waited for', async () => {
  const left = join(folder, 'left')
  const { code } = await electron(`import { spawn } from 'node:child_process'
    import { writeFileSync } from 'node:fs'
    const child = spawn(process.execPath, ['-e', 'setInterval(() => undefined, 1000)'], { stdio: 'inherit', detached: true })
    writeFileSync(${JSON.stringify(left)}, String(child.pid))
    child.unref()
    process.exit(0)`)
  expect(code).toBe(0)
  process.kill(Number(readFileSync(left, 'utf8')))
})
