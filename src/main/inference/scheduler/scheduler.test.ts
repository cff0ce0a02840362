import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Priority } from '../../../shared/domain/generation.ts'
import type { ChunkBudget } from './chunk-budget.ts'
import { requestsOf, type Draw, type Ended, type RequestShape, type SchedulerLimits, type StepPlan } from './plan.ts'
import { Scheduler } from './scheduler.ts'

const limits: SchedulerLimits = {
  slots: 2,
  contextLength: 64,
  queueRequests: 2,
  queueTokens: 40,
  prefillChunk: 8,
  scoreChunk: 3,
  maxSpan: 4,
  copiesPrefixes: false,
}
const TOKEN = 7

type Wish = Partial<RequestShape> & { readonly promptTokens?: number }
const idsOf = (count: number): readonly number[] => Array.from({ length: count }, (_, at) => at)
const shape = (requestId: string, { promptTokens = 10, ...changes }: Wish = {}): RequestShape => ({
  requestId,
  promptIds: idsOf(promptTokens),
  maxTokens: 4,
  scorePrompt: false,
  cacheKey: null,
  adapters: [],
  client: 'a',
  priority: 'batch',
  ...changes,
})

const unlimited: ChunkBudget = { tokens: () => Number.MAX_SAFE_INTEGER }
const schedulerOf = (own: SchedulerLimits, budget = unlimited) => new Scheduler(own, budget)
const anew = { tokens: 0, from: 0 }

const draw = (requestId: string, outcome: Draw['outcome'] = 'token'): Draw =>
  outcome === 'token' ? { requestId, outcome, token: TOKEN } : { requestId, outcome }
/** Results of a plan in which every sampled request gets this outcome. */
const drawsOf = (plan: StepPlan, outcome: Draw['outcome'] = 'token'): Draw[] => {
  const sampled = requestsOf({ ...plan, prefill: plan.prefill?.last === true ? plan.prefill : null })
  return sampled.map((requestId) => draw(requestId, outcome))
}
const must = (plan: StepPlan | null): StepPlan => {
  if (plan === null) throw new Error('there is nothing to run')
  return plan
}

/** Runs one step in which every sampled request gets a token. */
function step(scheduler: Scheduler, now = 0): { readonly plan: StepPlan; readonly ended: Ended[] } {
  const plan = must(scheduler.plan(now))
  return { plan, ended: scheduler.absorb(plan, drawsOf(plan), now) }
}

describe('Scheduler', () => {
  it('runs a prompt in chunks, then one token per step, and reports the times', () => {
    const scheduler = schedulerOf(limits)
    scheduler.add(shape('a', { maxTokens: 2 }), 100)
    const chunk = { requestId: 'a', slot: 0, ids: idsOf(10), score: false, adapters: [] }
    expect(step(scheduler, 110).plan).toEqual({
      nowMs: 110,
      decode: [],
      verify: [],
      prefill: { ...chunk, start: 0, count: 8, last: false, reuse: anew },
    })
    expect(step(scheduler, 120).plan).toEqual({
      nowMs: 120,
      decode: [],
      verify: [],
      prefill: { ...chunk, start: 8, count: 2, last: true, reuse: null },
    })
    const row = { requestId: 'a', slot: 0, position: 10, token: TOKEN, adapters: [] }
    expect(step(scheduler, 130)).toEqual({
      plan: { nowMs: 130, decode: [{ first: 0, rows: [row] }], verify: [], prefill: null },
      ended: [
        {
          requestId: 'a',
          finishReason: 'length',
          completionTokens: 2,
          cachedTokens: 0,
          timings: { queueMs: 10, ttftMs: 20, totalMs: 30 },
        },
      ],
    })
    expect(scheduler.plan(140)).toBeNull()
    expect(scheduler.freeSlots).toBe(2)
  })

  it('decodes running replies beside the chunk of a new prompt', () => {
    const scheduler = schedulerOf(limits)
    scheduler.add(shape('a', { promptTokens: 3 }), 0)
    step(scheduler)
    scheduler.add(shape('b', { promptTokens: 20 }), 0)
    expect(step(scheduler).plan).toEqual({
      nowMs: 0,
      decode: [{ first: 0, rows: [{ requestId: 'a', slot: 0, position: 3, token: TOKEN, adapters: [] }] }],
      verify: [],
      prefill: {
        requestId: 'b',
        slot: 1,
        ids: idsOf(20),
        start: 0,
        count: 8,
        last: false,
        score: false,
        reuse: { tokens: 0, from: 1 },
        adapters: [],
      },
    })
  })

  it('plans spans, drafts and adapters of each row', () => {
    const scheduler = schedulerOf({ ...limits, slots: 5, maxSpan: 3 })
    const adapters = [{ index: 2, scale: 0.5 }]
    for (const id of ['a', 'b', 'c', 'd', 'e']) scheduler.add(shape(id, { promptTokens: 1, maxTokens: 6, adapters }), 0)
    for (let prompts = 0; prompts < 5; prompts += 1) step(scheduler)
    scheduler.cancel('b', 0)
    expect(scheduler.decoding).toEqual(['a', 'c', 'd', 'e'])
    const row = (requestId: string, slot: number, position: number) => ({
      requestId,
      slot,
      position,
      token: TOKEN,
      adapters,
    })
    const plan = must(scheduler.plan(9, new Map([['d', [5, 6]]])))
    expect(plan).toEqual({
      nowMs: 9,
      decode: [
        { first: 0, rows: [row('a', 0, 5), null, row('c', 2, 3)] },
        { first: 4, rows: [row('e', 4, 1)] },
      ],
      verify: [{ ...row('d', 3, 2), draft: [5, 6] }],
      prefill: null,
    })
    // A plan changes nothing: a second call returns the same.
    expect(scheduler.plan(9, new Map([['d', [5, 6]]]))).toEqual(plan)
    const ended = scheduler.absorb(plan, [draw('a'), draw('c'), draw('d'), draw('d'), draw('e')], 9)
    expect(ended).toMatchObject([{ requestId: 'a', finishReason: 'length', completionTokens: 6 }])
    expect(must(scheduler.plan(9)).decode.flatMap(({ rows }) => rows.map((each) => each?.position))).toEqual([4, 4, 2])
  })

  it('keeps the accepted part of a draft for the next request of the same key', () => {
    const scheduler = schedulerOf({ ...limits, slots: 1, prefillChunk: 32 })
    scheduler.add(shape('a', { promptTokens: 20, cacheKey: 'k', maxTokens: 9 }), 0)
    step(scheduler)
    const plan = must(scheduler.plan(0, new Map([['a', [1, 2, 3]]])))
    // The first token of the draft was right, then 8 was drawn instead of 2.
    const right: Draw = { requestId: 'a', outcome: 'token', token: 1 }
    const other: Draw = { requestId: 'a', outcome: 'token', token: 8 }
    scheduler.absorb(plan, [right, other], 0)
    scheduler.cancel('a', 0)
    scheduler.add(shape('b', { promptIds: [...idsOf(20), TOKEN, 1, 8, 4], cacheKey: 'k' }), 0)
    // 8 was drawn but never run.
    expect(must(scheduler.plan(0)).prefill).toMatchObject({ start: 22, count: 2, reuse: { tokens: 22, from: 0 } })
  })

  it('refuses requests that exceed the queue in requests or tokens', () => {
    const scheduler = schedulerOf(limits)
    for (const id of ['a', 'b', 'c', 'd']) expect(scheduler.add(shape(id, { client: id }), 0)).toBeNull()
    expect(scheduler.add(shape('e', { client: 'e' }), 0)).toMatchObject({ reason: 'queue_full' })
    scheduler.cancel('d', 0)
    expect(scheduler.add(shape('f', { client: 'f', promptTokens: 31 }), 0)).toMatchObject({ reason: 'queue_full' })
    expect(scheduler.add(shape('g', { client: 'g', promptTokens: 30 }), 0)).toBeNull()
  })

  it('refuses an empty prompt, a running id, and a request that exceeds the context', () => {
    const scheduler = schedulerOf(limits)
    scheduler.add(shape('a'), 0)
    expect(
      [shape('a'), shape('b', { promptTokens: 0 }), shape('c', { promptTokens: 61 })].map((request) =>
        scheduler.add(request, 0),
      ),
    ).toMatchObject([
      { reason: 'invalid_request' },
      { reason: 'invalid_request' },
      { reason: 'context_length_exceeded' },
    ])
    expect(scheduler.add(shape('d', { promptTokens: 60 }), 0)).toBeNull()
  })

  it('scores a prompt in smaller chunks and ends it without a token when none is requested', () => {
    const scheduler = schedulerOf(limits)
    scheduler.add(shape('a', { promptTokens: 4, maxTokens: 0, scorePrompt: true }), 0)
    const chunk = { requestId: 'a', slot: 0, ids: idsOf(4), score: true, adapters: [] }
    expect(step(scheduler).plan.prefill).toEqual({ ...chunk, start: 0, count: 3, last: false, reuse: anew })
    const plan = must(scheduler.plan(0))
    expect(plan.prefill).toEqual({ ...chunk, start: 3, count: 1, last: true, reuse: null })
    expect(scheduler.absorb(plan, [], 5)).toMatchObject([
      { requestId: 'a', finishReason: 'length', completionTokens: 0 },
    ])
  })

  it('ends a scored prompt once, as a fault, when its last chunk gave garbage', () => {
    const scheduler = schedulerOf(limits)
    scheduler.add(shape('a', { promptTokens: 3, maxTokens: 0, scorePrompt: true }), 0)
    const plan = must(scheduler.plan(0))
    expect(scheduler.absorb(plan, [draw('a', 'fault')], 5)).toMatchObject([{ requestId: 'a', finishReason: null }])
    expect(scheduler.running).toBe(0)
  })

  it('frees the slot at once in every state and gives it to the next request', () => {
    const scheduler = schedulerOf({ ...limits, slots: 1 })
    for (const id of ['a', 'b', 'c']) scheduler.add(shape(id, { client: id, promptTokens: 9 }), 0)
    expect(scheduler.cancel('b', 1)).toMatchObject({ finishReason: 'cancelled' })
    step(scheduler)
    expect(scheduler.cancel('a', 2)).toMatchObject({ finishReason: 'cancelled' })
    expect(scheduler.plan(3)?.prefill).toMatchObject({ requestId: 'c', slot: 0, start: 0 })
    expect(scheduler.cancel('a', 4)).toBeNull()
  })

  it('gives slots to clients in turn, interactive requests first', () => {
    const scheduler = schedulerOf({ ...limits, slots: 1, queueRequests: 9, queueTokens: 900 })
    scheduler.add(shape('running'), 0)
    for (const id of ['a1', 'a2', 'a3']) scheduler.add(shape(id), 0)
    scheduler.add(shape('b1', { client: 'b' }), 0)
    scheduler.add(shape('screen', { client: 'console', priority: 'interactive' }), 0)
    const order: string[] = []
    for (let plan = scheduler.plan(0); plan !== null; plan = scheduler.plan(0)) {
      const requestId = plan.prefill?.requestId ?? ''
      order.push(requestId)
      scheduler.cancel(requestId, 0)
    }
    expect(order).toEqual(['running', 'screen', 'a1', 'b1', 'a2', 'a3'])
  })

  it('has a queue for each priority', () => {
    const scheduler = schedulerOf({ ...limits, slots: 1 })
    for (const id of ['a', 'b', 'c']) scheduler.add(shape(id, { client: id }), 0)
    expect(scheduler.add(shape('e', { client: 'e', promptTokens: 1 }), 0)?.reason).toBe('queue_full')
    // Programs fill their own queue, not the one of interactive requests.
    expect(
      ['s1', 's2', 's3'].map((id) => scheduler.add(shape(id, { client: id, priority: 'interactive' }), 0)?.reason),
    ).toEqual([undefined, undefined, 'queue_full'])
  })

  it('keeps a quarter of the queue for other clients, in requests and in tokens', () => {
    const own = { ...limits, slots: 1, queueRequests: 16, queueTokens: 400 }
    const fill = (scheduler: Scheduler, client: string, promptTokens: number): number => {
      let taken = 0
      while (scheduler.add(shape(`${client}${taken}`, { client, promptTokens }), 0) === null) taken += 1
      return taken
    }
    const byRequests = schedulerOf(own)
    byRequests.add(shape('running', { client: 'z' }), 0)
    expect(['a', 'b', 'c', 'd'].map((client) => fill(byRequests, client, 1))).toEqual([12, 3, 1, 0])
    const byTokens = schedulerOf(own)
    byTokens.add(shape('running', { client: 'z' }), 0)
    expect([fill(byTokens, 'a', 30), fill(byTokens, 'b', 30), fill(byTokens, 'c', 30)]).toEqual([10, 2, 1])
    expect(byTokens.add(shape('c1', { client: 'c', promptTokens: 10 }), 0)).toMatchObject({
      message: expect.stringContaining('kept for others') as string,
    })
  })

  it('cuts chunks to the budget beside running replies', () => {
    const asked: number[] = []
    const scheduler = schedulerOf(
      { ...limits, slots: 3 },
      {
        tokens: (decoding) => {
          asked.push(decoding)
          return decoding === 0 ? 100 : 4 - decoding
        },
      },
    )
    const counts: number[] = []
    for (const id of ['a', 'b', 'c']) scheduler.add(shape(id, { maxTokens: 50 }), 0)
    for (let round = 0; round < 17; round += 1) {
      const { prefill } = step(scheduler).plan
      if (prefill !== null) counts.push(prefill.count)
    }
    expect(counts).toEqual([8, 2, 3, 3, 3, 1, 2, 2, 2, 2, 2])
    expect(asked).toEqual([0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 2])
  })

  it('skips requests that were cancelled between plan and results', () => {
    const scheduler = schedulerOf(limits)
    scheduler.add(shape('a', { promptTokens: 2 }), 0)
    const plan = must(scheduler.plan(0))
    scheduler.cancel('a', 0)
    expect(scheduler.absorb(plan, [draw('a')], 0)).toEqual([])
    expect(scheduler.freeSlots).toBe(2)
  })
})

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
