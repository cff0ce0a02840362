import { describe, expect, it } from 'vitest'
import type { Draw } from './plan.ts'
import type { Scheduler } from './scheduler.ts'
import { limits, TOKEN, idsOf, shape, schedulerOf, anew, draw, must, step } from './testing/requests.ts'

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
