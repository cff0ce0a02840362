import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MAX_SEARCH_LENGTH, MAX_CANDIDATES, PromptLookup, MIN_SEARCH_MATCH } from './prompt-lookup.ts'

const over = (tokens: readonly number[], capacity = 200): PromptLookup => new PromptLookup(tokens, capacity)

/** Reference by exhaustive search: the longest match, the latest among equals. */
function slowly(tokens: readonly number[], count: number): { matched: number; draft: number[] } {
  let best = { matched: 0, source: -1 }
  for (let source = tokens.length - 1; source > 0; source -= 1) {
    let matched = 0
    while (matched < source && tokens[source - 1 - matched] === tokens[tokens.length - 1 - matched]) matched += 1
    if (matched >= MIN_SEARCH_MATCH && matched > best.matched) best = { matched, source }
  }
  if (best.source < 0) return { matched: 0, draft: [] }
  const going = [...tokens]
  for (let index = 0; index < count; index += 1) going.push(going[best.source + index] ?? -1)
  return { matched: best.matched, draft: going.slice(tokens.length) }
}

describe('PromptLookup', () => {
  it('proposes what followed the last tokens before', () => {
    const lookup = over([5, 6, 7, 8, 9, 1, 5, 6])
    expect([lookup.matchLength, lookup.expected, [...lookup.propose(3)]]).toEqual([2, 7, [7, 8, 9]])
  })

  it('prefers the longest match to the latest, and the latest among equals', () => {
    expect([...over([1, 2, 3, 4, 9, 2, 3, 5, 9, 1, 2, 3]).propose(1)]).toEqual([4])
    expect([...over([2, 3, 4, 9, 2, 3, 5, 9, 8, 2, 3]).propose(1)]).toEqual([5])
  })

  it('proposes nothing when nothing, or a single token, occurred before', () => {
    for (const tokens of [[], [1], [1, 1], [1, 2, 3], [1, 2, 3, 1]]) {
      const lookup = over(tokens)
      expect([lookup.matchLength, lookup.expected, lookup.propose(4).length]).toEqual([0, -1, 0])
    }
  })

  it('repeats the match when it reaches the end', () => {
    expect([...over([1, 2, 3, 1, 2, 3, 1, 2]).propose(7)]).toEqual([3, 1, 2, 3, 1, 2, 3])
  })

  it('follows a match beyond the length of a search, and drops one that fails', () => {
    const passage = Array.from({ length: 3 * MAX_SEARCH_LENGTH }, (_, at) => 10 + at)
    const lookup = over(passage, 400)
    for (const [at, token] of passage.slice(0, -1).entries()) {
      lookup.add(token)
      expect(lookup.matchLength).toBe(at === 0 ? 0 : at + 1)
    }
    expect([lookup.matchLength, lookup.expected]).toEqual([passage.length - 1, passage.at(-1)])
    lookup.add(3)
    expect(lookup.matchLength).toBe(0)
  })

  it('searches a bounded number of positions', () => {
    const far = [1, 2, 3, 4]
    const near = Array.from({ length: MAX_CANDIDATES }, (_, at) => [100 + at, 3, 4]).flat()
    expect(over([...far, ...near, 1, 2, 3, 4], 400).matchLength).toBe(MIN_SEARCH_MATCH)
    expect(over([...far, ...near.slice(3), 1, 2, 3, 4], 400).matchLength).toBe(4)
  })

  it('accepts exactly its capacity of tokens', () => {
    const lookup = new PromptLookup([1, 2], 3)
    lookup.add(3)
    expect(() => lookup.add(4)).toThrow(RangeError)
  })

  it('finds what a search of everything finds, token by token, and proposes only what stood in the sequence', () => {
    const tokens = fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 60 })
    fc.assert(
      fc.property(tokens, fc.nat(20), fc.nat(7), (sequence, promptLength, count) => {
        const prompt = sequence.slice(0, promptLength)
        const lookup = new PromptLookup(prompt, sequence.length)
        for (let length = prompt.length; length <= sequence.length; length += 1) {
          const seen = sequence.slice(0, length)
          const { matched, draft } = slowly(seen, count)
          const proposed = [...lookup.propose(count)]
          expect({ matched: lookup.matchLength, draft: proposed }).toEqual({ matched, draft })
          expect(proposed.every((token) => seen.includes(token))).toBe(true)
          if (length < sequence.length) lookup.add(sequence[length] ?? -1)
        }
      }),
      { numRuns: 500, seed: 20261121 },
    )
  })
})
