import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RandomModel, request, serve, shown, wish } from './testing/random-model.ts'

describe('speculation', () => {
  it('does not change any reply', () => {
    let accepted = 0
    let proposed = 0
    let cached = 0
    fc.assert(
      fc.property(
        fc.integer(),
        fc.integer({ min: 1, max: 3 }),
        fc.array(wish, { minLength: 1, maxLength: 5 }),
        fc.integer({ min: 1, max: 30 }),
        (seed, reach, wishes, every) => {
          const requests = wishes.map((each, index) => request(`r${index}`, each))
          const plain = serve(new RandomModel(seed, reach), 0, requests, { every })
          const speculative = serve(new RandomModel(seed, reach), 15, requests, { every })
          for (const [requestId, reply] of speculative) {
            expect(shown(reply)).toEqual(shown(plain.get(requestId) ?? { tokens: [], end: null }))
            if (reply.end?.kind !== 'done' || reply.end.drafted === undefined) continue
            cached += reply.end.cachedTokens
            accepted += reply.end.drafted.accepted
            proposed += reply.end.drafted.proposed
            expect(reply.end.drafted.accepted).toBeLessThanOrEqual(reply.end.drafted.proposed)
          }
        },
      ),
      { numRuns: 200, seed: 20261121 },
    )
    // The comparison proves nothing without drafts, or if every draft is right.
    expect(accepted).toBeGreaterThan(500)
    expect(proposed - accepted).toBeGreaterThan(150)
    expect(cached).toBeGreaterThan(100)
  })

  it('ends a cancelled reply where it was, and does not disturb the others', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 1, max: 25 }), fc.integer({ min: 1, max: 10 }), (seed, at, every) => {
        const requests = ['a', 'b', 'c'].map((requestId, index) => request(requestId, { promptIds: [index, 4, 5] }))
        const plain = serve(new RandomModel(seed, 1), 0, requests)
        const speculative = serve(new RandomModel(seed, 1), 15, requests, { every, cancelAt: new Map([[at, 'a']]) })
        const { tokens, end } = speculative.get('a') ?? { tokens: [], end: null }
        expect(tokens).toEqual(plain.get('a')?.tokens.slice(0, tokens.length))
        expect(end).toMatchObject({ kind: 'done', completionTokens: tokens.length })
        for (const other of ['b', 'c'])
          expect(shown(speculative.get(other) ?? { tokens: [], end: null })).toEqual(
            shown(plain.get(other) ?? { tokens: [], end: null }),
          )
      }),
      { numRuns: 100, seed: 20261121 },
    )
  })

  it('takes fewer steps for a reply that repeats itself, and counts the drafts', () => {
    const runner = new RandomModel(7, 1)
    const { end } = serve(runner, 15, [request('a')]).get('a') ?? { end: null }
    const slow = new RandomModel(7, 1)
    serve(slow, 0, [request('a')])
    expect(end).toMatchObject({
      finishReason: 'length',
      completionTokens: 40,
      drafted: { proposed: expect.any(Number) as number, accepted: expect.any(Number) as number },
    })
    expect(runner.now * 1.5).toBeLessThan(slow.now)
    expect(Math.max(...runner.verified.map(({ length }) => length))).toBeGreaterThan(4)
    expect(slow.verified).toEqual([])
    const refusing = new RandomModel(7, 1)
    expect(serve(refusing, 15, [{ ...request('a'), speculation: false }]).get('a')?.end).not.toHaveProperty('drafted')
    expect(refusing.verified).toEqual([])
  })

  it('emits the tokens before a fault and none after it, like plain decoding', () => {
    for (let seed = 0; seed < 40; seed += 1) {
      const ends = [0, 15].map((maxDraft) => {
        const runner = new RandomModel(seed, 2)
        runner.poison = 5
        return serve(runner, maxDraft, [request('bad'), request('good', { promptIds: [8] })])
      })
      expect([...(ends[1]?.values() ?? [])].map(shown)).toEqual([...(ends[0]?.values() ?? [])].map(shown))
    }
  })
})
