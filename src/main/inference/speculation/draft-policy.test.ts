import { beforeEach, describe, expect, it } from 'vitest'
import { StepCosts } from '../costs/step-costs.ts'
import { DraftPolicy, type Candidate } from './draft-policy.ts'

/** A reply whose every draft token is accepted with this chance. */
const reply = (requestId: string, chance: number, most = 100): Candidate => ({
  requestId,
  most,
  expectedTokens: (draft) =>
    Array.from({ length: draft + 1 }, (_, index) => chance ** index).reduce((sum, each) => sum + each, 0),
})
const alone = { decoding: 1, prefillTokens: 0 }

let policy: DraftPolicy
let costs: StepCosts

/** As an int4 model on a CPU: a row costs a fifth of the first. */
beforeEach(() => {
  costs = new StepCosts()
  policy = new DraftPolicy(15, costs)
  for (const rows of [1, 2, 3, 4, 8]) costs.recordDecode(rows, 10 * (1 + 0.2 * (rows - 1)))
  costs.recordPrefill(50, 50)
  costs.recordPrefill(100, 100)
})

describe('DraftPolicy', () => {
  it('takes longer drafts the likelier they are, and none where they are not', () => {
    const lengths = [0.1, 0.4, 0.7, 0.9, 0.99].map(
      (chance) => policy.choose([reply('a', chance)], alone)[0]?.length ?? 0,
    )
    expect(lengths).toEqual([0, 1, 3, 7, 15])
  })

  it('goes by the measured times', () => {
    expect(policy.choose([reply('a', 0.9)], alone)).toHaveLength(1)
    for (const rows of [2, 4, 8, 16]) for (let times = 0; times < 20; times += 1) costs.recordVerify(rows, 10 * rows)
    expect(policy.choose([reply('a', 0.9)], alone)).toEqual([])
    for (const rows of [2, 4, 8, 16]) for (let times = 0; times < 60; times += 1) costs.recordVerify(rows, 11)
    expect(policy.choose([reply('a', 0.99)], alone)).toMatchObject([{ requestId: 'a', length: 15 }])
  })

  it('waits until it knows what a plain step of so many replies takes', () => {
    expect(policy.choose([reply('a', 0.99)], { decoding: 5, prefillTokens: 0 })).toEqual([])
    expect(new DraftPolicy(15, new StepCosts()).choose([reply('a', 0.99)], alone)).toEqual([])
  })

  it('stays within the token limit and the runner', () => {
    const lengths = (most: number, longest = 15): number => {
      const known = new StepCosts()
      known.recordDecode(1, 10)
      return new DraftPolicy(longest, known).choose([reply('a', 0.99, most)], alone)[0]?.length ?? 0
    }
    expect([-1, 0, 1, 2, 3, 6, 7, 14, 15, 99].map((most) => lengths(most))).toEqual([0, 0, 1, 1, 3, 3, 7, 7, 15, 15])
    expect([0, 1, 5, 10].map((longest) => lengths(99, longest))).toEqual([0, 1, 3, 7])
  })

  it('does not let one reply take more of a step than its share from another, reply or prompt', () => {
    const two = { decoding: 2, prefillTokens: 0 }
    expect(policy.choose([reply('a', 0.99)], two)).toEqual([])
    // Both speculating lose nothing to each other.
    expect(policy.choose([reply('a', 0.99), reply('b', 0.99)], two).map(({ requestId }) => requestId)).toEqual([
      'a',
      'b',
    ])
    // One of them that gains little would pay for the other.
    expect(policy.choose([reply('a', 0.99), reply('b', 0.2)], two)).toEqual([])
    expect(policy.choose([reply('a', 0.99)], { decoding: 1, prefillTokens: 10 })).toEqual([])
    expect(policy.choose([reply('a', 0.99)], { decoding: 1, prefillTokens: 100 })).toHaveLength(1)
  })

  it('leaves a full batch alone', () => {
    const many = Array.from({ length: 8 }, (_, index) => reply(`r${index}`, 0.999))
    expect(policy.choose(many, { decoding: 8, prefillTokens: 0 })).toEqual([])
  })

  it("tries again now and then where it did not pay, at nobody else's cost", () => {
    const tries = (load: typeof alone): number =>
      Array.from({ length: 1000 }, () => policy.choose([reply('a', 0.1)], load).length).reduce(
        (sum, each) => sum + each,
        0,
      )
    expect(tries({ decoding: 2, prefillTokens: 0 })).toBe(0)
    const alike = tries(alone)
    expect(alike).toBeGreaterThan(2)
    expect(alike).toBeLessThan(10)
  })

  it('takes a plain step now and then, so that its time stays known', () => {
    const speculating = Array.from({ length: 1000 }, () => policy.choose([reply('a', 0.99)], alone).length)
    const plain = speculating.filter((drafts) => drafts === 0).length
    expect(plain).toBeGreaterThan(5)
    expect(plain).toBeLessThan(50)
  })
})
