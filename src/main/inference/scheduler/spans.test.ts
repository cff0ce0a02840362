import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { coverSlots } from './spans.ts'

describe('coverSlots', () => {
  it('joins neighbours and slots with one idle slot between them, and splits at wider gaps', () => {
    expect(coverSlots([], 8)).toEqual([])
    expect(coverSlots([0, 1, 2], 8)).toEqual([{ first: 0, count: 3 }])
    expect(coverSlots([1, 3, 5], 8)).toEqual([{ first: 1, count: 5 }])
    expect(coverSlots([1, 4, 5], 8)).toEqual([
      { first: 1, count: 1 },
      { first: 4, count: 2 },
    ])
    expect(coverSlots([0, 1, 2], 1)).toHaveLength(3)
    expect(coverSlots([0, 1, 2, 3, 4], 2)).toEqual([
      { first: 0, count: 2 },
      { first: 2, count: 2 },
      { first: 4, count: 1 },
    ])
  })

  it('covers every slot once, in spans of allowed length that begin and end with a live slot', () => {
    const scattered = fc.uniqueArray(fc.nat(15), { maxLength: 9 }).map((slots) => slots.toSorted((a, b) => a - b))
    fc.assert(
      fc.property(scattered, fc.integer({ min: 1, max: 16 }), (slots, maxSpan) => {
        const spans = coverSlots(slots, maxSpan)
        const covered = spans.flatMap(({ first, count }) => Array.from({ length: count }, (_, row) => first + row))
        expect(new Set(covered).size).toBe(covered.length)
        expect(slots.filter((slot) => !covered.includes(slot))).toEqual([])
        for (const { first, count } of spans) {
          expect(count).toBeLessThanOrEqual(maxSpan)
          expect([slots.includes(first), slots.includes(first + count - 1)]).toEqual([true, true])
        }
      }),
    )
  })
})
