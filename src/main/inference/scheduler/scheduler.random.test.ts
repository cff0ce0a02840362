import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Priority } from '../../../shared/domain/generation.ts'
import type { Draw, RequestShape, SchedulerLimits } from './plan.ts'
import { limits, shape, schedulerOf, drawsOf } from './testing/requests.ts'

type Action =
  | {
      readonly kind: 'add'
      readonly promptTokens: number
      readonly maxTokens: number
      readonly scorePrompt: boolean
      readonly client: string
      readonly priority: Priority
    }
  | { readonly kind: 'cancel'; readonly pick: number }
  | { readonly kind: 'step'; readonly outcome: Draw['outcome']; readonly budget: number }

const who = { client: fc.constantFrom('a', 'b', 'c'), priority: fc.constantFrom<Priority>('interactive', 'batch') }
const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('add' as const),
      promptTokens: fc.integer({ min: 1, max: 40 }),
      maxTokens: fc.integer({ min: 0, max: 12 }),
      scorePrompt: fc.boolean(),
      ...who,
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('cancel' as const), pick: fc.nat(30) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('step' as const),
      outcome: fc.constantFrom<Draw['outcome']>('token', 'token', 'token', 'stop', 'fault'),
      budget: fc.integer({ min: 1, max: 12 }),
    }),
  },
)

/** A scheduler with checks on every plan and every change. */
const watched = (slots: number) => {
  const own: SchedulerLimits = { ...limits, slots }
  let budget = 1
  const scheduler = schedulerOf(own, { tokens: () => budget })
  const accepted = new Map<string, RequestShape>()
  const ended: string[] = []
  /** Requests in the order in which their prompts started. */
  const began: string[] = []
  const check = (): void => {
    expect(scheduler.waiting).toBeLessThanOrEqual(2 * own.queueRequests)
    expect(scheduler.running + scheduler.freeSlots).toBe(slots)
    expect(scheduler.waiting === 0 || scheduler.freeSlots === 0).toBe(true)
    expect(accepted.size - ended.length).toBe(scheduler.running + scheduler.waiting)
  }
  return {
    scheduler,
    accepted,
    ended,
    began,
    add: (request: RequestShape): void => {
      if (scheduler.add(request, 0) === null) accepted.set(request.requestId, request)
      check()
    },
    cancel: (pick: number): void => {
      const requestId = [...accepted.keys()][pick % Math.max(1, accepted.size)]
      if (requestId !== undefined && scheduler.cancel(requestId, 0) !== null) ended.push(requestId)
      check()
    },
    advance: (outcome: Draw['outcome'], tokens: number): boolean => {
      budget = tokens
      const plan = scheduler.plan(0)
      if (plan === null) return false
      expect(scheduler.plan(0)?.prefill?.requestId).toBe(plan.prefill?.requestId)
      const { prefill } = plan
      const decode = plan.decode.flatMap(({ first, rows }) => {
        const live = rows.filter((row) => row !== null)
        for (const row of live) expect(rows[row.slot - first]).toBe(row)
        return live
      })
      const used = [...decode.map(({ slot }) => slot), ...(prefill === null ? [] : [prefill.slot])]
      expect(new Set(used).size).toBe(used.length)
      expect(used.every((slot) => slot >= 0 && slot < slots)).toBe(true)
      expect(decode.map(({ slot }) => slot)).toEqual(decode.map(({ slot }) => slot).toSorted((a, b) => a - b))
      // Every request that holds a slot advances, or waits for the prompt that runs.
      expect(used.length === scheduler.running || prefill !== null).toBe(true)
      if (prefill !== null) {
        expect(prefill.count).toBeGreaterThan(0)
        expect(prefill.count).toBeLessThanOrEqual(Math.min(tokens, prefill.score ? own.scoreChunk : own.prefillChunk))
        if (prefill.start === 0) began.push(prefill.requestId)
      }
      for (const { requestId } of scheduler.absorb(plan, drawsOf(plan, outcome), 0)) ended.push(requestId)
      check()
      return true
    },
  }
}

describe('Scheduler under random actions', () => {
  it('ends every request exactly once, leaks no slot, keeps its budgets, and serves each client in its order', () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 120 }), fc.integer({ min: 1, max: 4 }), (actions, slots) => {
        const { scheduler, accepted, ended, began, add, cancel, advance } = watched(slots)
        for (const [turn, act] of actions.entries()) {
          if (act.kind === 'add') add(shape(`r${turn}`, act))
          else if (act.kind === 'cancel') cancel(act.pick)
          else advance(act.outcome, act.budget)
        }
        // The rest ends in a bounded number of steps: each step advances every running reply and one prompt.
        let steps = 0
        while (advance('token', 3)) expect((steps += 1)).toBeLessThan(10_000)
        expect(ended.toSorted()).toEqual([...accepted.keys()].toSorted())
        expect(new Set(began).size).toBe(began.length)
        expect(scheduler.freeSlots).toBe(slots)
        // Only a shorter prompt goes before an earlier one of the same client.
        const arrived = [...accepted.values()]
        for (const [at, requestId] of began.entries()) {
          const self = accepted.get(requestId)
          const overtaken = arrived
            .slice(
              0,
              arrived.findIndex((other) => other === self),
            )
            .filter(
              (other) =>
                other.client === self?.client &&
                other.priority === self.priority &&
                began.indexOf(other.requestId) > at,
            )
          for (const other of overtaken) expect(other.promptIds.length).toBeGreaterThan(self?.promptIds.length ?? 0)
        }
      }),
      { numRuns: 300, seed: 20261120 },
    )
  })

  it('accepts no request beyond the limits of a queue, refuses no new client below them, and evicts none', () => {
    const own = { ...limits, slots: 1, contextLength: 1000, queueRequests: 8, queueTokens: 300 }
    const change = fc.oneof(
      {
        weight: 3,
        arbitrary: fc.record({
          kind: fc.constant('add' as const),
          client: fc.constantFrom('a', 'a', 'a', 'b', 'c', 'd'),
          priority: fc.constantFrom<Priority>('interactive', 'batch'),
          promptTokens: fc.integer({ min: 1, max: 120 }),
        }),
      },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('leave' as const), pick: fc.nat(20) }) },
    )
    let kept = 0
    fc.assert(
      fc.property(fc.array(change, { maxLength: 60, size: 'max' }), (changes) => {
        const scheduler = schedulerOf(own)
        scheduler.add(shape('running'), 0)
        let waiting: RequestShape[] = []
        const load = (of: readonly RequestShape[]) => ({
          requests: of.length,
          tokens: of.reduce((sum, { promptIds }) => sum + promptIds.length, 0),
        })
        for (const [turn, { kind, ...act }] of changes.entries()) {
          if (kind === 'leave' && 'pick' in act) {
            const leaving = waiting[act.pick % Math.max(1, waiting.length)]
            if (leaving === undefined) continue
            expect(scheduler.cancel(leaving.requestId, 0)).toMatchObject({
              requestId: leaving.requestId,
              finishReason: 'cancelled',
              completionTokens: 0,
            })
            waiting = waiting.filter((other) => other !== leaving)
          } else if ('client' in act) {
            const asked = shape(`r${turn}`, act)
            const lane = waiting.filter(({ priority }) => priority === act.priority)
            const mine = lane.filter(({ client }) => client === act.client)
            const [all, before] = [load(lane), load(mine)]
            const fits = all.requests < own.queueRequests && all.tokens + act.promptTokens <= own.queueTokens
            const accepted = scheduler.add(asked, 0) === null
            if (accepted) waiting = [...waiting, asked]
            expect(accepted && !fits).toBe(false)
            // Only a client that waits already is refused where there is room.
            expect(mine.length === 0 && fits && !accepted).toBe(false)
            if (mine.length > 0 && fits && !accepted) kept += 1
            if (accepted && mine.length > 0) {
              const after = load(waiting.filter(({ priority }) => priority === act.priority))
              expect(before.requests + 1).toBeLessThanOrEqual(3 * (own.queueRequests - after.requests))
              expect(before.tokens + act.promptTokens).toBeLessThanOrEqual(3 * (own.queueTokens - after.tokens))
            }
          }
          expect(scheduler.waiting).toBe(waiting.length)
        }
      }),
      { numRuns: 200, seed: 20261125 },
    )
    expect(kept).toBeGreaterThan(100)
  })

  it('serves a client with few requests as often as one with many', () => {
    const scheduler = schedulerOf({ ...limits, slots: 1, queueRequests: 8, queueTokens: 1000 })
    const served = { often: 0, seldom: 0 }
    for (let turn = 0; turn < 200; turn += 1) {
      for (let more = 0; more < 20; more += 1) scheduler.add(shape(`often ${turn} ${more}`, { client: 'often' }), 0)
      scheduler.add(shape(`seldom ${turn}`, { client: 'seldom' }), 0)
      const running = scheduler.plan(0)?.prefill?.requestId ?? ''
      served[running.startsWith('often') ? 'often' : 'seldom'] += 1
      scheduler.cancel(running, 0)
    }
    expect(Math.abs(served.often - served.seldom)).toBeLessThanOrEqual(2)
  })

  it('starves no request, however many others arrive with either priority', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 4 }),
        fc.array(fc.record({ ...who, promptTokens: fc.integer({ min: 1, max: 40 }) }), { minLength: 1, maxLength: 9 }),
        fc.integer({ min: 1, max: 40 }),
        fc.nat(30),
        (slots, others, promptTokens, before) => {
          const { accepted, ended, add, advance } = watched(slots)
          const flood = (turn: number): void => {
            const other = others[turn % others.length]
            if (other !== undefined) add(shape(`other${turn}`, { maxTokens: 3, ...other }))
          }
          let turn = 0
          for (; turn < before; turn += 1) {
            flood(turn)
            advance('token', 5)
          }
          // Its own client, which finds a place as soon as one is free.
          while (!accepted.has('it')) {
            add(shape('it', { client: 'it', promptTokens, maxTokens: 3 }))
            advance('token', 5)
          }
          const from = turn
          for (; !ended.includes('it'); turn += 1) {
            for (let more = 0; more < 2; more += 1) flood(2 * turn + more)
            advance('token', 5)
            // At most 30 prompts of at most 8 chunks run before it, one chunk per step.
            expect(turn - from).toBeLessThan(30 * 8)
          }
        },
      ),
      { numRuns: 40, seed: 20261122 },
    )
  })
})
