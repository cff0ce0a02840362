import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SlotMemory } from './slot-memory.ts'
import { Scheduler, type Ended, type RequestShape, type StepOutcome } from './scheduler.ts'

const limits = { slots: 2, contextLength: 64, queueRequests: 2, queueTokens: 40, prefillChunk: 8, scoreChunk: 3 }
const shape = (requestId: string, changes: Partial<RequestShape> = {}): RequestShape => ({ requestId, promptTokens: 10, maxTokens: 4, scorePrompt: false, cache: null, ...changes })

const schedulerOf = (own: typeof limits) => new Scheduler(own, new SlotMemory({ ...own, copies: false }))
const anew = { tokens: 0, from: 0 }

/** Runs one step in which every request that is sampled gets a token. */
function step(scheduler: Scheduler, now = 0, outcome: StepOutcome['outcome'] = 'token') {
  const plan = scheduler.plan(now)
  if (plan === null) return { plan, ended: [] as Ended[] }
  const outcomes: StepOutcome[] = plan.decode.map(({ requestId }) => ({ requestId, outcome }))
  if (plan.prefill?.last === true) outcomes.push({ requestId: plan.prefill.requestId, outcome })
  return { plan, ended: scheduler.absorb(plan, outcomes, now) }
}

describe('Scheduler', () => {
  it('runs a prompt in chunks, then one token a step, and ends with the times it was given', () => {
    const scheduler = schedulerOf(limits)
    scheduler.add(shape('a', { maxTokens: 2 }), 100)
    expect(step(scheduler, 110).plan).toEqual({ decode: [], prefill: { requestId: 'a', slot: 0, start: 0, count: 8, last: false, score: false, reuse: anew } })
    expect(step(scheduler, 120).plan).toEqual({ decode: [], prefill: { requestId: 'a', slot: 0, start: 8, count: 2, last: true, score: false, reuse: null } })
    expect(step(scheduler, 130)).toEqual({
      plan: { decode: [{ requestId: 'a', slot: 0, position: 10 }], prefill: null },
      ended: [{ requestId: 'a', finishReason: 'length', completionTokens: 2, cachedTokens: 0, timings: { queueMs: 10, ttftMs: 20, totalMs: 30 } }],
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
      decode: [{ requestId: 'a', slot: 0, position: 3 }],
      prefill: { requestId: 'b', slot: 1, start: 0, count: 8, last: false, score: false, reuse: { tokens: 0, from: 1 } },
    })
  })

  it('refuses what exceeds the queue in requests or tokens, before anything is computed', () => {
    const scheduler = schedulerOf(limits)
    for (const id of ['a', 'b', 'c', 'd']) expect(scheduler.add(shape(id), 0).kind).toBe('accepted')
    expect(scheduler.add(shape('e'), 0)).toMatchObject({ kind: 'refused', reason: 'queue_full' })
    scheduler.cancel('d', 0)
    expect(scheduler.add(shape('f', { promptTokens: 31 }), 0)).toMatchObject({ kind: 'refused', reason: 'queue_full' })
    expect(scheduler.add(shape('g', { promptTokens: 30 }), 0)).toEqual({ kind: 'accepted' })
    expect(scheduler.waitingTokens).toBe(40)
  })

  it('refuses an empty prompt, an id that is running, and what does not fit the context', () => {
    const scheduler = schedulerOf(limits)
    scheduler.add(shape('a'), 0)
    expect([shape('a'), shape('b', { promptTokens: 0 }), shape('c', { promptTokens: 61 })].map((request) => scheduler.add(request, 0))).toMatchObject([
      { reason: 'invalid_request' }, { reason: 'invalid_request' }, { reason: 'context_length_exceeded' },
    ])
    expect(scheduler.add(shape('d', { promptTokens: 60 }), 0)).toEqual({ kind: 'accepted' })
  })

  it('scores a prompt in smaller chunks and ends it without a token when none is wanted', () => {
    const scheduler = schedulerOf(limits)
    scheduler.add(shape('a', { promptTokens: 4, maxTokens: 0, scorePrompt: true }), 0)
    expect(step(scheduler).plan?.prefill).toEqual({ requestId: 'a', slot: 0, start: 0, count: 3, last: false, score: true, reuse: anew })
    const plan = scheduler.plan(0)
    expect(plan?.prefill).toEqual({ requestId: 'a', slot: 0, start: 3, count: 1, last: true, score: true, reuse: null })
    if (plan !== null) expect(scheduler.absorb(plan, [], 5)).toMatchObject([{ requestId: 'a', finishReason: 'length', completionTokens: 0 }])
  })

  it('frees the slot at once in every state and gives it to the next in line', () => {
    const scheduler = schedulerOf({ ...limits, slots: 1 })
    for (const id of ['a', 'b', 'c']) scheduler.add(shape(id, { promptTokens: 9 }), 0)
    expect(scheduler.cancel('b', 1)).toMatchObject({ finishReason: 'cancelled' })
    step(scheduler)
    expect(scheduler.cancel('a', 2)).toMatchObject({ finishReason: 'cancelled' })
    expect(scheduler.plan(3)?.prefill).toMatchObject({ requestId: 'c', slot: 0, start: 0 })
    expect(scheduler.cancel('a', 4)).toBeNull()
  })

  it('skips what was cancelled between a plan and its outcome', () => {
    const scheduler = schedulerOf(limits)
    scheduler.add(shape('a', { promptTokens: 2 }), 0)
    const plan = scheduler.plan(0)
    scheduler.cancel('a', 0)
    if (plan !== null) expect(scheduler.absorb(plan, [{ requestId: 'a', outcome: 'token' }], 0)).toEqual([])
    expect(scheduler.freeSlots).toBe(2)
  })
})

type Action =
  | { readonly kind: 'add'; readonly promptTokens: number; readonly maxTokens: number; readonly scorePrompt: boolean }
  | { readonly kind: 'cancel'; readonly pick: number }
  | { readonly kind: 'step'; readonly outcome: StepOutcome['outcome'] }

const action: fc.Arbitrary<Action> = fc.oneof(
  fc.record({ kind: fc.constant('add' as const), promptTokens: fc.integer({ min: 1, max: 40 }), maxTokens: fc.integer({ min: 0, max: 12 }), scorePrompt: fc.boolean() }),
  fc.record({ kind: fc.constant('cancel' as const), pick: fc.nat(30) }),
  fc.record({ kind: fc.constant('step' as const), outcome: fc.constantFrom<StepOutcome['outcome']>('token', 'token', 'token', 'stop', 'fault') }),
)

describe('Scheduler, whatever happens', () => {
  it('ends every request exactly once, leaks no slot, keeps its budgets, and starves nobody', () => {
    fc.assert(fc.property(fc.array(action, { maxLength: 120 }), fc.integer({ min: 1, max: 4 }), (actions, slots) => {
      const own = { ...limits, slots }
      const scheduler = schedulerOf(own)
      const accepted: string[] = []
      const ended: string[] = []
      const firstRun: string[] = []
      const advance = (outcome: StepOutcome['outcome']): boolean => {
        const plan = scheduler.plan(0)
        if (plan === null) return false
        const running = scheduler.running
        const used = [...plan.decode.map(({ slot }) => slot), ...(plan.prefill === null ? [] : [plan.prefill.slot])]
        expect(new Set(used).size).toBe(used.length)
        expect(used.every((slot) => slot >= 0 && slot < slots)).toBe(true)
        expect(plan.decode.map(({ slot }) => slot)).toEqual(plan.decode.map(({ slot }) => slot).toSorted((a, b) => a - b))
        expect(running).toBeLessThanOrEqual(slots)
        if (plan.prefill !== null) {
          expect(plan.prefill.count).toBeGreaterThan(0)
          expect(plan.prefill.count).toBeLessThanOrEqual(plan.prefill.score ? own.scoreChunk : own.prefillChunk)
          if (plan.prefill.start === 0) firstRun.push(plan.prefill.requestId)
        }
        const outcomes: StepOutcome[] = plan.decode.map(({ requestId }) => ({ requestId, outcome }))
        if (plan.prefill?.last === true) outcomes.push({ requestId: plan.prefill.requestId, outcome })
        for (const { requestId } of scheduler.absorb(plan, outcomes, 0)) ended.push(requestId)
        return true
      }
      for (const [turn, act] of actions.entries()) {
        if (act.kind === 'add') {
          const requestId = `r${turn}`
          const answer = scheduler.add({ requestId, ...act, cache: null }, 0)
          if (answer.kind === 'accepted') accepted.push(requestId)
        } else if (act.kind === 'cancel') {
          const requestId = accepted[act.pick % Math.max(1, accepted.length)]
          if (requestId !== undefined && scheduler.cancel(requestId, 0) !== null) ended.push(requestId)
        } else advance(act.outcome)
        expect(scheduler.waiting).toBeLessThanOrEqual(own.queueRequests)
        expect(scheduler.waitingTokens).toBeLessThanOrEqual(own.queueTokens)
        expect(scheduler.running + scheduler.freeSlots).toBe(slots)
        expect(scheduler.waiting === 0 || scheduler.freeSlots === 0).toBe(true)
      }
      // The rest is done in a bounded number of steps: each step advances every running reply and one prompt.
      let steps = 0
      while (advance('token')) expect((steps += 1)).toBeLessThan(10_000)
      expect(ended.toSorted()).toEqual(accepted.toSorted())
      expect(scheduler.freeSlots).toBe(slots)
      // First come, first served: whoever was started was started in the order of arrival.
      expect(firstRun.filter((id, at) => firstRun.indexOf(id) === at)).toEqual(accepted.filter((id) => firstRun.includes(id)))
    }), { numRuns: 300, seed: 20261120 })
  })
})
