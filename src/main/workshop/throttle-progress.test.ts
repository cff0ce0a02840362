import { expect, test } from 'vitest'
import { throttleProgress } from './throttle-progress.ts'

test('passes on what is new: a step, the end, or a tenth of a second later', () => {
  const told: string[] = []
  let now = 0
  const progress = throttleProgress(
    (fraction, step) => told.push(`${step} ${fraction}`),
    () => now,
  )
  for (const [atMs, fraction, step] of [
    [0, 0, 'a'],
    [50, 0.1, 'a'],
    [100, 0.2, 'a'],
    [120, 0.3, 'b'],
    [150, 0.4, 'b'],
    [160, 1.0000001, 'b'],
  ] as const) {
    now = atMs
    progress(fraction, step)
  }
  expect(told).toEqual(['a 0', 'a 0.2', 'b 0.3', 'b 1'])
})
