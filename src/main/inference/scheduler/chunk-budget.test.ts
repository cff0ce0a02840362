import { describe, expect, it } from 'vitest'
import { StepCosts } from '../costs/step-costs.ts'
import { MeasuredBudget } from './chunk-budget.ts'

/** Chunks take 8 ms plus 1.5 ms per token, steps 10 ms plus 2 ms per reply. */
const costs = (): StepCosts => {
  const known = new StepCosts()
  known.recordPrefill(16, 32)
  known.recordPrefill(64, 104)
  for (const rows of [1, 4, 8, 16]) known.recordDecode(rows, 10 + 2 * rows)
  return known
}

describe('MeasuredBudget', () => {
  it('allows a whole chunk without running replies, and otherwise little more than the time of a step', () => {
    const known = costs()
    const budget = new MeasuredBudget(known, 128)
    const tokens = [0, 1, 8, 16].map((decoding) => budget.tokens(decoding))
    expect(tokens).toEqual([128, 16, 16, 24])
    for (const decoding of [8, 16])
      expect(known.prefill(budget.tokens(decoding))).toBeLessThan(1.3 * known.decode(decoding))
  })

  it('never exceeds the longest chunk', () => {
    expect(new MeasuredBudget(costs(), 12).tokens(16)).toBe(12)
    expect(new MeasuredBudget(new StepCosts(), 128).tokens(3)).toBe(128)
  })

  it('cuts nothing when a whole chunk takes no visible time', () => {
    const fast = new StepCosts()
    fast.recordPrefill(16, 1.6)
    fast.recordPrefill(64, 6.4)
    fast.recordDecode(1, 1)
    expect(new MeasuredBudget(fast, 128).tokens(1)).toBe(128)
  })
})
