import { mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { setTimeout as wait } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { exclusively } from './stamp.mjs'

let folder
let lock
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'switchboard-lock-'))
  lock = join(folder, 'some.lock')
})
afterEach(() => { rmSync(folder, { recursive: true, force: true }) })

/** How long the lock was waited for, ms. */
async function waited(options) {
  const from = performance.now()
  return await exclusively(lock, async () => performance.now() - from, options)
}

test('one after the other, and nothing is left', async () => {
  const seen = []
  const work = (name) => async () => {
    seen.push(`${name} begins`)
    await wait(50)
    seen.push(`${name} ends`)
  }
  await Promise.all([exclusively(lock, work('a')), exclusively(lock, work('b'))])
  expect(seen.map((line) => line.split(' ')[1])).toEqual(['begins', 'ends', 'begins', 'ends'])
  expect(() => readFileSync(lock)).toThrow('ENOENT')
})

test('a holder that works longer than silence is borne keeps its lock', async () => {
  let done = false
  const holder = exclusively(lock, async () => {
    await wait(4000)
    done = true
  })
  await wait(20)
  expect(await exclusively(lock, async () => done, { silentMs: 2500 })).toBe(true)
  await holder
})

test('a lock of a dead process is taken at once, also one that had our process id', async () => {
  for (const pid of [99_999_999, process.pid]) {
    writeFileSync(lock, `${pid} ${hostname()} 0`)
    await waited({ silentMs: Infinity })
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
  expect(await waited({ silentMs: 600 })).toBeGreaterThan(600)
})

test('work that fails gives the lock back', async () => {
  await expect(exclusively(lock, async () => { throw new Error('no') })).rejects.toThrow('no')
  await waited({ silentMs: Infinity })
})
