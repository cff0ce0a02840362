import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Idempotency } from './idempotency.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const caller = () => new AbortController()

test('an answer is kept for ten minutes', async () => {
  const idempotency = new Idempotency()
  let generations = 0
  const ask = async (): Promise<string> => {
    const start = async () => ({ body: String(++generations), headers: {} })
    return (await idempotency.share('key', 'body', caller(), start)).body
  }
  expect([await ask(), await ask()]).toEqual(['1', '1'])
  vi.advanceTimersByTime(599_999)
  expect(await ask()).toBe('1')
  vi.advanceTimersByTime(1)
  expect(await ask()).toBe('2')
})

test('a long answer is shared while it is generated, and not kept', async () => {
  const idempotency = new Idempotency()
  let generations = 0
  const start = async () => ({ body: `${++generations}${'x'.repeat(128 * 1024)}`, headers: {} })
  const share = async () => (await idempotency.share('key', 'body', caller(), start)).body.charAt(0)
  expect(await Promise.all([share(), share()])).toEqual(['1', '1'])
  expect(await share()).toBe('2')
})

test('a flood of keys is answered, and the last 256 answers are kept', async () => {
  const idempotency = new Idempotency()
  let generations = 0
  const start = async () => ({ body: String(++generations), headers: {} })
  const keys = Array.from({ length: 300 }, (_, index) => String(index))
  for (const key of keys) await idempotency.share(key, 'body', caller(), start)
  for (const key of keys.slice(-256)) await idempotency.share(key, 'body', caller(), start)
  expect(generations).toBe(300)
})

test('the generation gets the reason of the last caller that leaves', async () => {
  const idempotency = new Idempotency()
  const [first, second] = [caller(), caller()]
  let signal: AbortSignal | undefined
  const start = (given: AbortSignal) => {
    signal = given
    return new Promise<never>((_resolve, reject) => given.addEventListener('abort', () => reject(new Error('ended'))))
  }
  const both = [first, second].map((each) => idempotency.share('key', 'body', each, start))
  first.abort(new Error('left'))
  await expect(both[0]).rejects.toThrow('left')
  expect(signal?.aborted).toBe(false)
  second.abort(new Error('draining'))
  await expect(both[1]).rejects.toThrow('draining')
  expect(signal?.reason).toEqual(new Error('draining'))
})

test('a recent answer is kept however many other keys were used before it', async () => {
  const idempotency = new Idempotency()
  const asking = { signal: new AbortController().signal }
  const started: string[] = []
  const ask = (scope: string) =>
    idempotency.share(scope, 'same body', asking, () => {
      started.push(scope)
      return Promise.resolve({ body: scope, headers: {} })
    })
  for (let other = 0; other < 256; other += 1) await ask(`other ${other}`)
  await ask('recent')
  await ask('recent')
  await ask('other 1')
  await ask('other 0')
  expect(started.slice(256)).toEqual(['recent', 'other 0'])
})
