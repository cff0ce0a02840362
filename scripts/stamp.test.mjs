import { mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { exclusively } from './stamp.mjs'

let folder
let lock
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'setInterval', 'clearInterval', 'performance', 'Date'] })
  folder = mkdtempSync(join(tmpdir(), 'switchboard-lock-'))
  lock = join(folder, 'some.lock')
})
afterEach(() => {
  vi.useRealTimers()
  rmSync(folder, { recursive: true, force: true })
})

const wait = (ms) =>
  new Promise((resolve) => {
    setTimeout(resolve, ms)
  })

/** Asks for the lock; `taken` says whether it was had by now. */
function ask(options) {
  const asked = { taken: false }
  void exclusively(
    lock,
    async () => {
      asked.taken = true
    },
    options,
  )
  return asked
}

test('one after the other, and nothing is left', async () => {
  const seen = []
  const work = (name) => async () => {
    seen.push(`${name} begins`)
    await wait(50)
    seen.push(`${name} ends`)
  }
  const both = Promise.all([exclusively(lock, work('a')), exclusively(lock, work('b'))])
  await vi.advanceTimersByTimeAsync(1000)
  await both
  expect(seen.map((line) => line.split(' ')[1])).toEqual(['begins', 'ends', 'begins', 'ends'])
  expect(() => readFileSync(lock)).toThrow('ENOENT')
})

test('a holder that works longer than silence is borne keeps its lock', async () => {
  const holder = exclusively(lock, () => wait(20_000))
  const other = ask({ silentMs: 2500 })
  await vi.advanceTimersByTimeAsync(19_900)
  expect(other.taken).toBe(false)
  await vi.advanceTimersByTimeAsync(500)
  await holder
  expect(other.taken).toBe(true)
})

test('a lock of a dead process is taken at once, also one that had our process id', async () => {
  for (const pid of [99_999_999, process.pid]) {
    writeFileSync(lock, `${pid} ${hostname()} 0`)
    const asked = ask()
    await vi.advanceTimersByTimeAsync(0)
    expect(asked.taken).toBe(true)
  }
})

test.each([
  ['without a name, left by a crash between making and writing it', ''],
  ['of another machine or container', '1 elsewhere 0'],
  ['whose process id belongs to another program by now', `${process.ppid} ${hostname()} 0`],
])('a lock %s is taken when it stays silent, not before', async (_, text) => {
  writeFileSync(lock, text)
  // An old time says nothing: clocks differ, machines sleep.
  utimesSync(lock, 1, 1)
  const asked = ask({ silentMs: 15_000 })
  await vi.advanceTimersByTimeAsync(14_900)
  expect(asked.taken).toBe(false)
  await vi.advanceTimersByTimeAsync(500)
  expect(asked.taken).toBe(true)
})

test('work that fails gives the lock back', async () => {
  await expect(
    exclusively(lock, async () => {
      throw new Error('no')
    }),
  ).rejects.toThrow('no')
  const asked = ask()
  await vi.advanceTimersByTimeAsync(0)
  expect(asked.taken).toBe(true)
})
