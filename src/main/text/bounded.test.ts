import { expect, it } from 'vitest'
import { runBounded } from './bounded.ts'

const timeout = { code: 'ERR_SCRIPT_EXECUTION_TIMEOUT' }

it('gives back what the work gives, and throws what it throws', () => {
  expect(runBounded(() => 42, 1000)).toBe(42)
  expect(() =>
    runBounded(() => {
      throw new RangeError('mine')
    }, 1000),
  ).toThrow(RangeError)
})

it('ends an endless loop and an endless regular expression', () => {
  expect(() =>
    runBounded(() => {
      for (;;);
    }, 50),
  ).toThrow(expect.objectContaining(timeout))
  expect(() => runBounded(() => /^(a+)+$/u.test(`${'a'.repeat(60)}b`), 50)).toThrow(expect.objectContaining(timeout))
})

it('does not count time in which the machine did something else', () => {
  // Sleeping stands for waiting for a processor: it uses the clock and no processor time.
  const nap = new Int32Array(new SharedArrayBuffer(4))
  let runs = 0
  expect(
    runBounded(() => {
      runs += 1
      Atomics.wait(nap, 0, 0, 120)
      return 'done'
    }, 50),
  ).toBe('done')
  expect(runs).toBeGreaterThan(1)
})

it('ends work that never comes to an end, also when it uses no processor', () => {
  const nap = new Int32Array(new SharedArrayBuffer(4))
  expect(() =>
    runBounded(() => {
      for (;;) Atomics.wait(nap, 0, 0, 5)
    }, 10),
  ).toThrow(expect.objectContaining(timeout))
})
