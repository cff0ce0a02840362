import { describe, expect, it } from 'vitest'
import { Acceptance } from './acceptance.ts'

describe('Acceptance', () => {
  it('expects from one token to the whole draft and one more, more from a longer match', () => {
    const acceptance = new Acceptance('reply')
    expect(acceptance.expectedTokens(2, 0)).toBe(1)
    for (const matched of [2, 3, 5, 9, 40]) {
      const expected = [1, 3, 7, 15].map((draft) => acceptance.expectedTokens(matched, draft))
      expect(expected).toEqual(expected.toSorted((a, b) => a - b))
      expect(expected.every((tokens, index) => tokens > 1 && tokens < ([2, 4, 8, 16][index] ?? 0))).toBe(true)
      expect(acceptance.expectedTokens(matched + 1, 7)).toBeGreaterThanOrEqual(acceptance.expectedTokens(matched, 7))
    }
  })

  it('learns from what happened, by the length of the match, and forgets', () => {
    const acceptance = new Acceptance('reply')
    const short = acceptance.expectedTokens(2, 1)
    for (let token = 0; token < 40; token += 1) acceptance.record(20, false)
    expect(acceptance.expectedTokens(20, 7)).toBeLessThan(1.2)
    expect(acceptance.expectedTokens(2, 1)).toBe(short)
    for (let token = 0; token < 40; token += 1) acceptance.record(20, true)
    expect(acceptance.expectedTokens(20, 7)).toBeGreaterThan(4)
  })

  it('begins a reply with what is usual, which one reply changes little', () => {
    const usual = new Acceptance('replies')
    for (let token = 0; token < 600; token += 1) usual.record(20, false)
    const quiet = usual.expectedTokens(20, 7)
    expect(quiet).toBeLessThan(1.2)
    const reply = new Acceptance('reply', usual.chances)
    expect(reply.expectedTokens(20, 7)).toBeCloseTo(quiet)
    for (const record of [reply, usual]) for (let token = 0; token < 20; token += 1) record.record(20, true)
    expect(usual.expectedTokens(20, 7)).toBeLessThan(1.5)
    expect(reply.expectedTokens(20, 7)).toBeGreaterThan(3)
  })
})
