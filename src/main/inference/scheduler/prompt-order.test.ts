import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Priority } from '../../../shared/domain/generation.ts'
import { nextPrompt, passedBy, type Prompt } from './prompt-order.ts'

interface TestPrompt extends Prompt {
  readonly name: string
  prefilled: number
  passed: number
}

/** The first letter of the name is the client. */
const prompt = (name: string, tokens = 1, priority: Priority = 'batch'): TestPrompt => ({
  name,
  client: name.slice(0, 1),
  priority,
  tokens,
  prefilled: 0,
  passed: 0,
})

/** Runs chunks and accounts for them as the scheduler does; prompts in the order of their slots. */
class Line {
  readonly #prompts: TestPrompt[]

  constructor(...prompts: TestPrompt[]) {
    this.#prompts = prompts
  }

  add(added: TestPrompt): void {
    this.#prompts.push(added)
  }

  /** Runs a chunk of at most this many tokens and returns the name of its prompt; null when none is left. */
  run(chunk: number): string | null {
    const ran = nextPrompt(this.#prompts)
    if (ran === undefined) return null
    const tokens = Math.min(chunk, ran.tokens - ran.prefilled)
    const at = this.#prompts.indexOf(ran)
    for (const [index, waiting] of this.#prompts.entries())
      if (waiting !== ran) waiting.passed += passedBy(waiting, ran, tokens, index < at)
    ran.prefilled += tokens
    if (ran.prefilled === ran.tokens) this.#prompts.splice(at, 1)
    return ran.name
  }

  /** Prompts of all chunks until none is left, without repetitions. */
  finish(chunk: number): string[] {
    const names: string[] = []
    for (let name = this.run(chunk); name !== null; name = this.run(chunk)) if (names.at(-1) !== name) names.push(name)
    return names
  }
}

describe('the order of prompts', () => {
  it('runs one prompt to its end before the next, clients in turn', () => {
    expect(nextPrompt([])).toBeUndefined()
    const [a1, a2, b1] = [prompt('a1', 50), prompt('a2', 50), prompt('b1', 50)]
    expect(new Line(a1, a2, b1).finish(8)).toEqual(['a1', 'b1', 'a2'])
  })

  it('lets a short prompt overtake a long one, of its own client as well', () => {
    const line = new Line(prompt('a-long', 100))
    expect(line.run(8)).toBe('a-long')
    line.add(prompt('a-short', 20))
    line.add(prompt('b-short', 20))
    expect(line.finish(8)).toEqual(['a-short', 'b-short', 'a-long'])
  })

  it('does not let a longer prompt overtake, nor one that would save nothing', () => {
    const line = new Line(prompt('a', 100))
    for (let chunk = 0; chunk < 12; chunk += 1) line.run(8)
    line.add(prompt('b', 6))
    expect(line.finish(8)).toEqual(['a', 'b'])
  })

  it('lets interactive prompts overtake those of programs, also longer ones, and leaves the program its turn', () => {
    const line = new Line(prompt('program', 100))
    line.add(prompt('screen', 300, 'interactive'))
    for (const name of ['t1', 't2', 't3']) line.add(prompt(name, 100, 'interactive'))
    expect(line.finish(10)).toEqual(['t1', 'screen', 'program', 't2', 't3'])
  })

  it('delays a prompt by at most its own length and a chunk, whatever comes later', () => {
    let delayed = 0
    fc.assert(
      fc.property(
        fc.array(fc.record({ tokens: fc.integer({ min: 1, max: 60 }), before: fc.nat(4) }), { maxLength: 30 }),
        fc.integer({ min: 1, max: 9 }),
        (others, chunk) => {
          const first = prompt('first', 50)
          const line = new Line(first)
          for (const [at, { tokens, before }] of others.entries()) {
            for (let step = 0; step < before && first.prefilled < first.tokens; step += 1) line.run(chunk)
            line.add(prompt(`${at % 3} ${at}`, tokens))
          }
          while (first.prefilled < first.tokens) line.run(chunk)
          delayed = Math.max(delayed, first.passed)
          expect(first.passed).toBeLessThan(first.tokens + chunk)
        },
      ),
      { numRuns: 300, seed: 20261127 },
    )
    expect(delayed).toBeGreaterThan(40)
  })
})
