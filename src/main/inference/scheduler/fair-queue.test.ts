import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Priority } from '../../../shared/domain/generation.ts'
import { FairQueue, type Queued } from './fair-queue.ts'

interface Item extends Queued {
  readonly id: number
}

const item = (id: number, client: string, priority: Priority = 'batch'): Item => ({ id, client, priority, tokens: id })
const drain = (queue: FairQueue<Item>): string => {
  const order: string[] = []
  for (let next = queue.take(); next !== undefined; next = queue.take()) order.push(`${next.client}${next.id}`)
  return order.join(' ')
}

describe('FairQueue', () => {
  it('lets clients take turns, each in its order of arrival', () => {
    const queue = new FairQueue<Item>()
    for (const id of [1, 2, 3, 4]) queue.add(item(id, 'a'))
    queue.add(item(5, 'b'))
    queue.add(item(6, 'c'))
    queue.add(item(7, 'b'))
    expect(drain(queue)).toBe('a1 b5 c6 a2 b7 a3 a4')
  })

  it('serves interactive requests first, and batch every fifth time', () => {
    const queue = new FairQueue<Item>()
    for (const id of [1, 2, 3]) queue.add(item(id, 'b'))
    for (const id of [1, 2, 3, 4, 5, 6]) queue.add(item(id, 'i', 'interactive'))
    expect(drain(queue)).toBe('i1 i2 i3 i4 b1 i5 i6 b2 b3')
  })

  it('forgets removed requests', () => {
    const queue = new FairQueue<Item>()
    const leaving = item(1, 'a')
    queue.add(leaving)
    queue.add(item(2, 'b'))
    queue.remove(leaving)
    expect(() => queue.remove(leaving)).toThrow('is not waiting')
    expect([queue.size, queue.loadOf('batch'), queue.loadOfClient('batch', 'a')]).toEqual([
      1,
      { requests: 1, tokens: 2 },
      { requests: 0, tokens: 0 },
    ])
    expect(drain(queue)).toBe('b2')
    expect(queue.loadOf('batch')).toEqual({ requests: 0, tokens: 0 })
  })

  it('starves no request', () => {
    const action = fc.oneof(
      {
        weight: 3,
        arbitrary: fc.record({
          kind: fc.constant('add' as const),
          client: fc.constantFrom('a', 'b', 'c', 'd'),
          priority: fc.constantFrom<Priority>('interactive', 'batch'),
        }),
      },
      { weight: 2, arbitrary: fc.constant({ kind: 'take' as const }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('remove' as const), pick: fc.nat(20) }) },
    )
    fc.assert(
      fc.property(fc.array(action, { maxLength: 150, size: 'max' }), (actions) => {
        const queue = new FairQueue<Item>()
        let waiting: Item[] = []
        /** How often each other client was served since this one was served or started to wait. */
        const passes = new Map<string, Map<string, number>>()
        let interactiveInARow = 0
        for (const [id, act] of actions.entries()) {
          if (act.kind === 'add') {
            const { client, priority } = act
            if (!waiting.some((other) => other.client === client && other.priority === priority))
              passes.set(`${priority} ${client}`, new Map())
            const added = item(id, client, priority)
            waiting.push(added)
            queue.add(added)
          } else if (act.kind === 'remove') {
            const removed = waiting[act.pick % Math.max(1, waiting.length)]
            if (removed === undefined) continue
            waiting = waiting.filter((other) => other !== removed)
            queue.remove(removed)
          } else {
            const taken = queue.take()
            expect(taken === undefined).toBe(waiting.length === 0)
            if (taken === undefined) {
              interactiveInARow = 0
              continue
            }
            expect(taken).toBe(
              waiting.find(({ client, priority }) => client === taken.client && priority === taken.priority),
            )
            const batchWaits = waiting.some(({ priority }) => priority === 'batch')
            interactiveInARow = taken.priority === 'interactive' && batchWaits ? interactiveInARow + 1 : 0
            expect(interactiveInARow).toBeLessThanOrEqual(4)
            waiting = waiting.filter((other) => other !== taken)
            passes.set(`${taken.priority} ${taken.client}`, new Map())
            for (const other of new Set(
              waiting
                .filter(({ priority, client }) => priority === taken.priority && client !== taken.client)
                .map(({ client }) => client),
            )) {
              const counts = passes.get(`${taken.priority} ${other}`)
              const count = (counts?.get(taken.client) ?? 0) + 1
              expect(count).toBe(1)
              counts?.set(taken.client, count)
            }
          }
          expect(queue.size).toBe(waiting.length)
          const own = waiting.filter(({ client, priority }) => client === 'a' && priority === 'batch')
          expect(queue.loadOfClient('batch', 'a')).toEqual({
            requests: own.length,
            tokens: own.reduce((sum, { tokens }) => sum + tokens, 0),
          })
        }
      }),
      { numRuns: 200, seed: 20261121 },
    )
  })
})
