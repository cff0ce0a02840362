import { beforeEach, describe, expect, it } from 'vitest'
import { StepCosts } from '../costs/step-costs.ts'
import { Speculator } from './speculator.ts'

const all = (_requestId: string, draft: readonly number[]): number => draft.length
/** A prompt that holds a passage, and ends with its first two tokens. */
const passage = Array.from({ length: 40 }, (_, at) => 11 + at)
const prompt = [...passage, 1, ...passage.slice(0, 2)]

let costs: StepCosts
let speculator: Speculator

/** A reply that has quoted 20 tokens of the passage. */
const QUOTED = 20
const quoting = (requestId: string, maxTokens = 1000): void => {
  speculator.begin(requestId, prompt, maxTokens)
  for (const token of passage.slice(2, 2 + QUOTED)) speculator.observe(requestId, token)
}
const lengthOf = (requestId: string): number => speculator.propose([requestId], all).get(requestId)?.length ?? 0

/** As an int4 model on a CPU with VNNI: a row costs a fifth of the first. */
beforeEach(() => {
  costs = new StepCosts()
  for (const rows of [1, 2, 3]) costs.recordDecode(rows, 10 * (1 + 0.2 * (rows - 1)))
  speculator = new Speculator(15, costs)
})

describe('Speculator', () => {
  it('proposes what followed the passage before, once three tokens match', () => {
    speculator.begin('a', prompt, 100)
    expect(speculator.propose(['a'], all)).toEqual(new Map())
    speculator.observe('a', 13)
    expect(speculator.propose(['a'], all)).toEqual(new Map([['a', [14, 15, 16]]]))
  })

  it('drafts for all replies of a step or for none, and for two at most', () => {
    for (const id of ['a', 'b', 'c']) quoting(id)
    expect([...speculator.propose(['a', 'b'], all).keys()]).toEqual(['a', 'b'])
    expect(speculator.propose(['a', 'b', 'c'], all).size).toBe(0)
    speculator.begin('plain', [1, 2, 3], 10)
    expect(speculator.propose(['a', 'plain'], all).size).toBe(0)
    expect(speculator.propose(['a', 'unknown'], all).size).toBe(0)
  })

  it('stays within the token limit, the runner and the grammar', () => {
    for (const room of [0, 1, 3, 7]) quoting(`${room}`, QUOTED + room + 1)
    // One token of the limit is drawn after the draft.
    expect(['0', '1', '3', '7'].map(lengthOf)).toEqual([0, 1, 3, 7])
    quoting('a')
    expect([0, 1, 2, 3, 6].map((fits) => speculator.propose(['a'], () => fits).get('a')?.length ?? 0)).toEqual([
      0, 1, 1, 3, 3,
    ])
    speculator = new Speculator(2, costs)
    quoting('b')
    expect(lengthOf('b')).toBe(1)
  })

  it('stops while its drafts keep failing, and resumes when the text quotes again', () => {
    quoting('a')
    expect(lengthOf('a')).toBe(7)
    const start = (): void => {
      for (const token of passage.slice(0, 3)) speculator.observe('a', token)
    }
    // Passages that start alike and continue differently.
    for (let time = 0; time < 30; time += 1) {
      start()
      speculator.observe('a', 100 + time)
    }
    start()
    expect(lengthOf('a')).toBe(0)
    for (const token of passage.slice(3)) speculator.observe('a', token)
    for (const token of passage.slice(0, 20)) speculator.observe('a', token)
    expect(lengthOf('a')).toBe(7)
  })

  it('follows the measured times, and retries an expensive draft now and then, for a lone reply only', () => {
    quoting('a')
    quoting('b')
    for (const rows of [2, 4, 8]) for (let time = 0; time < 30; time += 1) costs.recordVerify(rows, 10 * rows)
    const drafts = Array.from({ length: 1000 }, () => lengthOf('a')).filter((length) => length > 0)
    expect(drafts).toHaveLength(3)
    expect(Array.from({ length: 1000 }, () => speculator.propose(['a', 'b'], all).size)).not.toContain(2)
    for (const rows of [2, 4, 8]) for (let time = 0; time < 60; time += 1) costs.recordVerify(rows, 11)
    expect(lengthOf('a')).toBe(7)
  })

  it('drafts nothing before the time of a plain step is known', () => {
    speculator = new Speculator(15, new StepCosts())
    quoting('a')
    expect(lengthOf('a')).toBe(0)
  })

  it('counts what was proposed and accepted', () => {
    quoting('a')
    speculator.record('a', 7, 3)
    speculator.record('a', 3, 3)
    expect(speculator.end('a')).toEqual({ proposed: 10, accepted: 6 })
    quoting('b')
    expect([speculator.end('b'), speculator.end('unknown')]).toEqual([null, null])
  })
})
