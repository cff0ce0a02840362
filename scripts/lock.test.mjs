import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { exclusively } from './lock.mjs'

let folder
let lock
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'switchboard-lock-'))
  lock = join(folder, 'some.lock')
})
afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})

const moduleUrl = JSON.stringify(new URL('lock.mjs', import.meta.url).href)

/** Runs `work` (source text; it sees `log(text)`) under the lock in a process of its own. */
function inProcess(work) {
  const source = `import { appendFileSync } from 'node:fs'
    const log = (text) => appendFileSync(${JSON.stringify(join(folder, 'log'))}, text + '\\n')
    const { exclusively } = await import(${moduleUrl})
    await exclusively(${JSON.stringify(lock)}, async () => { ${work} })`
  return spawn(process.execPath, ['--input-type=module', '-e', source], { stdio: ['pipe', 'pipe', 'pipe'] })
}

test('processes work one after the other, and nothing is left', async () => {
  const work = `log('begin'); await new Promise((resolve) => setTimeout(resolve, 50)); log('end')`
  const codes = await Promise.all([work, work, work].map(async (each) => (await once(inProcess(each), 'exit'))[0]))
  expect(codes).toEqual([0, 0, 0])
  expect(readFileSync(join(folder, 'log'), 'utf8')).toBe('begin\nend\n'.repeat(3))
  expect(existsSync(lock)).toBe(false)
})

test('a waiting process names the owner, and goes on when the owner ends without a word', async () => {
  const holder = inProcess(`process.stdout.write('held'); await new Promise(() => setInterval(() => {}, 1000))`)
  await once(holder.stdout, 'data')
  const waiter = inProcess(`log('worked')`)
  const [said] = await once(waiter.stderr, 'data')
  expect(String(said)).toContain(`Waiting for process ${holder.pid}`)
  holder.kill('SIGKILL')
  expect((await once(waiter, 'exit'))[0]).toBe(0)
  expect(readFileSync(join(folder, 'log'), 'utf8')).toBe('worked\n')
})

describe('a lock left behind is taken over', () => {
  test.each([
    ['by a process that ended', () => spawnSync(process.execPath, ['--version']).pid],
    ['by a process that had our own id', () => process.pid],
  ])('%s', async (_, owner) => {
    writeFileSync(lock, String(owner()))
    expect(await exclusively(lock, async () => 'worked')).toBe('worked')
    expect(existsSync(lock)).toBe(false)
  })
})

test('failed work releases the lock', async () => {
  const fail = async () => {
    throw new Error('no')
  }
  await expect(exclusively(lock, fail)).rejects.toThrow('no')
  expect(existsSync(lock)).toBe(false)
})
