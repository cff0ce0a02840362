import { describe, expect, it } from 'vitest'
import { StepCosts } from './step-costs.ts'

const often = (times: number, record: () => void): void => {
  for (let index = 0; index < times; index += 1) record()
}

describe('StepCosts', () => {
  it('is moved little by a pause, and soon by a lasting change', () => {
    const costs = new StepCosts()
    often(50, () => costs.recordDecode(1, 2))
    costs.recordDecode(1, 400)
    expect(costs.decode(1)).toBeLessThan(2.3)
    often(60, () => costs.recordDecode(1, 20))
    expect(costs.decode(1)).toBeGreaterThan(18)
    often(60, () => costs.recordDecode(1, 2))
    expect(costs.decode(1)).toBeLessThan(2.3)
  })

  it('limits a first measurement that is far from the estimate', () => {
    const costs = new StepCosts()
    costs.recordDecode(1, 10)
    costs.recordVerify(4, 900)
    expect(costs.verify(4)).toBe(32)
  })

  it('estimates unmeasured sizes from measured ones', () => {
    const costs = new StepCosts()
    expect([costs.decode(0), costs.decode(1), costs.verify(4), costs.prefill(100)]).toEqual([0, 0, 0, 0])
    costs.recordDecode(2, 12)
    costs.recordDecode(4, 20)
    expect([0, 1, 2, 3, 4].map((rows) => costs.decode(rows))).toEqual([0, 12, 12, 16, 20])
    expect(costs.decode(6)).toBeCloseTo(25)
    costs.recordDecode(1, 10)
    expect([2, 4].map((rows) => costs.verify(rows))).toEqual([12, 16])
    costs.recordVerify(4, 19)
    expect([2, 4].map((rows) => costs.verify(rows))).toEqual([13, 19])
    expect(costs.verify(8)).toBeCloseTo(28.5)
  })

  it('separates the cost per chunk from the cost per token, and follows both', () => {
    const costs = new StepCosts()
    expect([costs.prefill(100), costs.promptTokensIn(1)]).toEqual([0, Number.MAX_SAFE_INTEGER])
    costs.recordPrefill(16, 18)
    costs.recordPrefill(16, 30)
    expect(costs.prefill(100)).toBe(0)
    costs.recordPrefill(64, 66)
    expect([0, 1, 32, 128].map((tokens) => costs.prefill(tokens))).toEqual([0, 3, 34, 130])
    expect([1, 2, 34, 35.5].map((ms) => costs.promptTokensIn(ms))).toEqual([0, 0, 32, 33])

    costs.recordPrefill(16, 4000)
    expect(costs.prefill(16)).toBeLessThan(20)
    // Short chunks alone show that the machine slows down, and that it recovers.
    often(100, () => costs.recordPrefill(16, 36))
    expect(costs.prefill(16)).toBeCloseTo(36, 1)
    expect(costs.prefill(24)).toBeGreaterThan(40)
    often(100, () => costs.recordPrefill(16, 18))
    expect(costs.prefill(16)).toBeCloseTo(18, 1)
    expect(costs.prefill(24)).toBeLessThan(28)
    often(200, () => {
      costs.recordPrefill(16, 10)
      costs.recordPrefill(128, 66)
    })
    expect(costs.prefill(72)).toBeCloseTo(38, 0)
  })
})
