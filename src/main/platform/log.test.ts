import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openLog } from './log.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'switchboard-log-'))
})
afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})

const messages = (suffix = ''): readonly string[] =>
  readFileSync(join(folder, `switchboard.log${suffix}`), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => (JSON.parse(line) as { readonly msg: string }).msg)

describe('a log on a full disk', () => {
  test.runIf(process.platform === 'linux')('never throws when written to or closed', async () => {
    symlinkSync('/dev/full', join(folder, 'switchboard.log'))
    const log = openLog(folder)
    log.info({}, 'first')
    log.warn({}, 'second')
    log.error({ error: new Error('third') }, 'third')
    log.dispose()
    log.info({}, 'after the end')
    log.dispose()
    // An unhandled error would end the process a moment later.
    await new Promise((resolve) => setTimeout(resolve, 20))
  })

  test('continues where it stopped once there is space, even in the middle of a line', () => {
    let room = Number.POSITIVE_INFINITY
    const log = openLog(folder, (file, bytes) => {
      if (room === 0) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
      const written = writeSync(file, bytes.subarray(0, room))
      room -= written
      return written
    })
    log.info({}, 'before')
    room = 10
    log.info({}, 'meanwhile é')
    log.info({}, 'and again')
    room = Number.POSITIVE_INFINITY
    log.info({}, 'after')
    log.dispose()
    expect(messages()).toEqual(['before', 'meanwhile é', 'and again', 'after'])
  })

  test('keeps a bounded backlog and loses the lines beyond it', () => {
    let full = true
    const log = openLog(folder, (file, bytes) => {
      if (full) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
      return writeSync(file, bytes)
    })
    const text = 'x'.repeat(50_000)
    for (let line = 0; line < 30; line += 1) log.info({ text }, String(line))
    full = false
    log.info({}, 'after')
    log.dispose()
    const kept = Array.from({ length: 21 }, (_, line) => String(line))
    expect(messages()).toEqual([...kept, 'after'])
  })
})

test('rotates between lines while running and keeps the newest three old files', () => {
  const log = openLog(folder)
  const text = 'x'.repeat(1024 * 1024)
  // Five lines of 1 MB fill a file, so that 30 lines fill six, of which the first two are deleted.
  for (let line = 0; line < 30; line += 1) log.info({ text }, String(line))
  log.dispose()
  const files = ['.3', '.2', '.1', ''].map((suffix) => messages(suffix))
  expect(files.map((lines) => lines.length)).toEqual([5, 5, 5, 5])
  expect(files.flat()).toEqual(Array.from({ length: 20 }, (_, line) => String(10 + line)))
  expect(readdirSync(folder)).toHaveLength(4)
})

test('an object that cannot be serialised is no reason to fail', () => {
  const log = openLog(folder)
  log.info(
    {
      odd: {
        toJSON: () => {
          throw new Error('no')
        },
      },
    },
    'odd',
  )
  log.info({}, 'after')
  log.dispose()
  expect(messages()).toContain('after')
})
