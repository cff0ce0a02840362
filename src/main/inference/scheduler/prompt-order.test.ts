import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Priority } from '../../../shared/domain/generation.ts'
import { PromptOrder } from './prompt-order.ts'

const prompt = (name: string, priority: Priority = 'batch', tokens = 1) => ({
  name,
  client: name.slice(0, 1),
  priority,
  tokens,
  prefilled: 0,
  cached: 0,
})

describe('PromptOrder', () => {
  it('runs one prompt to its end before the next, clients in turn', () => {
    const order = new PromptOrder<ReturnType<typeof prompt>>()
    expect(order.current()).toBeUndefined()
    for (const name of ['a1', 'a2', 'b1']) order.add(prompt(name))
    const seen: string[] = []
    for (let next = order.current(); next !== undefined; next = order.current()) {
      seen.push(next.name)
      expect(order.current()).toBe(next)
      order.remove(next)
    }
    expect(seen).toEqual(['a1', 'b1', 'a2'])
  })

  it('lets the screen overtake a program’s prompt that has begun, so often and no more', () => {
    const order = new PromptOrder<ReturnType<typeof prompt>>()
    const long = prompt('long')
    order.add(long)
    expect(order.current()).toBe(long)
    for (let turn = 0; turn < 4; turn += 1) {
      const fast = prompt(`s${turn}`, 'interactive')
      order.add(fast)
      order.add(prompt(`t${turn}`, 'interactive'))
      expect([order.current()?.priority, order.current()?.priority]).toEqual(['interactive', 'interactive'])
      const running = order.current()
      if (running !== undefined) order.remove(running)
    }
    expect(order.current()).toBe(long)
    order.remove(long)
    expect(order.current()?.priority).toBe('interactive')
  })

  it('leaves a program its turn', () => {
    const order = new PromptOrder<ReturnType<typeof prompt>>()
    order.add(prompt('batch'))
    for (const at of [1, 2, 3, 4, 5, 6]) order.add(prompt(`s${at}`, 'interactive'))
    const seen: string[] = []
    for (let next = order.current(); next !== undefined; next = order.current()) {
      seen.push(next.name)
      expect(order.current()).toBe(next)
      order.remove(next)
    }
    expect(seen).toEqual(['s1', 's2', 's3', 's4', 'batch', 's5', 's6'])
  })

  it('lets a short prompt pass a long one, within what that one has computed itself', () => {
    const order = new PromptOrder<ReturnType<typeof prompt>>()
    const [long, other, short, tiny] = [
      prompt('along', 'batch', 100),
      prompt('aother', 'batch', 90),
      prompt('ashort', 'batch', 20),
      prompt('btiny', 'batch', 15),
    ]
    for (const each of [long, other, short, tiny]) order.add(each)
    expect(order.current()).toBe(long)
    long.cached = 10
    long.prefilled = 25
    expect([order.current(), order.current()]).toEqual([tiny, tiny])
    order.remove(tiny)
    long.prefilled = 44
    expect(order.current()).toBe(long)
    long.prefilled = 45
    expect(order.current()).toBe(short)
    // What passes is not passed itself, but somebody at the screen overtakes it.
    short.prefilled = 10
    order.add(prompt('bnext', 'batch', 5))
    expect(order.current()).toBe(short)
    const screen = prompt('screen', 'interactive')
    order.add(screen)
    expect(order.current()).toBe(screen)
    order.remove(screen)
    order.remove(short)
    // It has 5 left to run: no time is saved by one of six.
    long.prefilled = 96
    order.add(prompt('csix', 'batch', 6))
    expect(order.current()).toBe(long)
    order.remove(long)
    expect(order.current()).toBe(other)
  })

  it('delays nobody by more than its own length, whatever comes', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 30 }),
        fc.integer({ min: 1, max: 9 }),
        (lengths, chunk) => {
          const order = new PromptOrder<ReturnType<typeof prompt>>()
          const first = prompt('first', 'batch', 50)
          order.add(first)
          expect(order.current()).toBe(first)
          for (const [at, tokens] of lengths.entries()) order.add(prompt(`${at % 3} ${at}`, 'batch', tokens))
          let run = 0
          for (
            let next = order.current();
            first.prefilled < first.tokens && next !== undefined;
            next = order.current()
          ) {
            const count = Math.min(chunk, next.tokens - next.prefilled)
            next.prefilled += count
            run += count
            if (next.prefilled === next.tokens) order.remove(next)
          }
          expect(run).toBeLessThanOrEqual(2 * first.tokens)
        },
      ),
      { numRuns: 300, seed: 20261127 },
    )
  })

  it('forgets who ends, begun or not, overtaken or not', () => {
    const order = new PromptOrder<ReturnType<typeof prompt>>()
    const [one, two, fast] = [prompt('one'), prompt('two'), prompt('fast', 'interactive')]
    for (const each of [one, two]) order.add(each)
    expect(order.current()).toBe(one)
    order.add(fast)
    expect(order.current()).toBe(fast)
    order.remove(one)
    order.remove(two)
    order.remove(fast)
    expect(order.current()).toBeUndefined()
    expect(() => order.remove(fast)).toThrow('does not wait')
  })
})
