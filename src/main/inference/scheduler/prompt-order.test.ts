import { describe, expect, it } from 'vitest'
import type { Priority } from '../../../shared/domain/generation.ts'
import { PromptOrder } from './prompt-order.ts'

const prompt = (name: string, priority: Priority = 'batch') => ({ name, client: name.slice(0, 1), priority, tokens: 1 })

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
