import { expect, test } from 'vitest'
import { newestSpan, oldestSpan, spanAround, withEarlier, withLater, type MessageSpan } from './message-span.ts'

test('a short conversation is drawn whole, a long one from its end', () => {
  expect([newestSpan(0), newestSpan(24), newestSpan(400)]).toEqual([
    { from: 0, to: null },
    { from: 0, to: null },
    { from: 376, to: null },
  ])
})

test('a message somewhere is drawn with those around it', () => {
  expect([spanAround(0, 400), spanAround(100, 400), spanAround(399, 400), spanAround(3, 8)]).toEqual([
    { from: 0, to: 24 },
    { from: 88, to: 112 },
    { from: 376, to: null },
    { from: 0, to: null },
  ])
  expect(oldestSpan(400)).toEqual({ from: 0, to: 24 })
})

const walk = (span: MessageSpan, step: typeof withEarlier, count: number): readonly MessageSpan[] => {
  const spans = [span]
  for (let last = span, next = step(last, count); next.from !== last.from || next.to !== last.to;) {
    spans.push(next)
    last = next
    next = step(last, count)
  }
  return spans
}
const sizes = (spans: readonly MessageSpan[], count: number) => spans.map(({ from, to }) => (to ?? count) - from)

test('reading up to the first message and down again shows every message and never draws too many', () => {
  const up = walk(newestSpan(400), withEarlier, 400)
  expect(up.at(-1)).toEqual({ from: 0, to: 96 })
  const down = walk(up.at(-1)!, withLater, 400)
  expect(down.at(-1)).toEqual({ from: 304, to: null })
  expect(Math.max(...sizes(up, 400), ...sizes(down, 400))).toBe(96)
  // A step never skips a message.
  const adjoining = [...up, ...down].every(({ from }, index, all) => {
    const before = all[index - 1]
    return before === undefined || Math.abs(before.from - from) <= 16 + 1
  })
  expect(adjoining).toBe(true)
})
