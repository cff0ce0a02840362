import { spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { defaultHomeRoot, openHome } from './home.ts'
import { openLog } from './log.ts'
import { findRunning, lockInstance } from './run-file.ts'
import { readOrCreateSecret, readSecret } from './secret-file.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'platform-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

describe('the instance lock', () => {
  it('names the other instance and is free once that is gone', () => {
    const path = join(folder, 'run.json')
    const lock = lockInstance(path)
    expect(() => lockInstance(path)).toThrow(
      expect.objectContaining({ code: 'already_running', message: expect.stringContaining('is starting') as string }),
    )
    lock.publish({ pid: process.pid, port: 4317, startedAt: 5 })
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(() => lockInstance(path)).toThrow(
      expect.objectContaining({
        code: 'already_running',
        message: expect.stringContaining('http://127.0.0.1:4317') as string,
        details: { pid: process.pid, port: 4317 },
      }),
    )
    expect(findRunning(path)).toEqual({ pid: process.pid, port: 4317, startedAt: 5 })
    lock.dispose()
    lock.dispose()
    expect(existsSync(path)).toBe(false)
    expect(findRunning(path)).toBeNull()
    lockInstance(path).dispose()
  })

  it('of a killed process does not block the next one', async () => {
    const path = join(folder, 'run.json')
    const module = new URL('./run-file.ts', import.meta.url).href
    const script = `import { lockInstance } from ${JSON.stringify(module)}; lockInstance(${JSON.stringify(path)}).publish({ pid: process.pid, port: 9, startedAt: 1 }); console.log('locked'); setInterval(() => {}, 1000)`
    const child = spawn(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', script],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
    await new Promise((resolve) => child.stdout.once('data', resolve))
    expect(() => lockInstance(path)).toThrow(expect.objectContaining({ code: 'already_running' }))
    expect(findRunning(path)?.port).toBe(9)
    const closed = new Promise((resolve) => child.once('close', resolve))
    child.kill('SIGKILL')
    await closed
    // What it published is still there, and names a process and a port that may be another program's by now.
    expect(existsSync(path)).toBe(true)
    expect(findRunning(path)).toBeNull()
    lockInstance(path).dispose()
    expect(existsSync(path)).toBe(false)
  })

  it('takes a damaged run file for none', () => {
    const path = join(folder, 'run.json')
    const lock = lockInstance(path)
    for (const text of ['', '{', '{"pid":1}', '{"pid":-1,"port":1,"startedAt":1}']) {
      writeFileSync(path, text)
      expect(findRunning(path)).toBeNull()
    }
    lock.dispose()
  })
})

describe('a secret', () => {
  it('stays, is private, and is replaced when it is damaged', () => {
    const path = join(folder, 'console-key')
    expect(readSecret(path)).toBeNull()
    const secret = readOrCreateSecret(path)
    expect([secret.length, readOrCreateSecret(path), statSync(path).mode & 0o777]).toEqual([43, secret, 0o600])
    writeFileSync(path, 'short')
    expect(readOrCreateSecret(path)).not.toBe(secret)
  })
})

describe('the home folder', () => {
  it('is SWITCHBOARD_HOME, or the data folder of the platform', () => {
    expect(defaultHomeRoot({ SWITCHBOARD_HOME: '/data/sb' }, 'linux')).toBe('/data/sb')
    expect(defaultHomeRoot({ XDG_DATA_HOME: '/x' }, 'linux')).toBe('/x/switchboard')
    expect(defaultHomeRoot({ XDG_DATA_HOME: 'relative' }, 'linux')).toMatch(/\.local\/share\/switchboard$/)
  })

  it('is private when we create it', () => {
    expect(statSync(openHome(join(folder, 'home')).root).mode & 0o777).toBe(0o700)
  })

  it('keeps its mode when it existed before', () => {
    const shared = join(folder, 'shared')
    mkdirSync(shared)
    chmodSync(shared, 0o755)
    openHome(shared)
    expect(statSync(shared).mode & 0o777).toBe(0o755)
  })
})

describe('the log', () => {
  it('is private and rotates a large file of an earlier run', () => {
    const path = join(folder, 'switchboard.log')
    for (let start = 0; start < 6; start += 1) {
      const log = openLog(folder)
      log.info({ start }, 'started')
      log.dispose()
      expect(statSync(path).mode & 0o777).toBe(0o600)
      writeFileSync(path, 'x'.repeat(5 * 1024 * 1024))
    }
    expect(existsSync(`${path}.3`)).toBe(true)
    expect(existsSync(`${path}.4`)).toBe(false)
    const log = openLog(folder)
    log.error({ error: new Error('broken') }, 'failed')
    log.dispose()
    expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({ msg: 'failed', error: { message: 'broken' } })
  })
})
