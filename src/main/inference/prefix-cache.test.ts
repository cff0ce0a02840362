import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { greedy } from '../../shared/contracts/engine.fixture.ts'
import type { GenerateRequest, RequestOutput } from '../../shared/contracts/engine.ts'
import { InferenceEngine, type StepRunner } from './engine.ts'

const VOCABULARY = 7
const LENGTH = 48

/**
 * A model that continues with a hash of every id it can read in its slot, so that one wrong KV position changes the
 * reply. Its memory behaves like KV: chunks, steps and idle rows write at the first unfilled position of a slot.
 */
class HashingModel implements StepRunner {
  readonly maxSpan = 3
  readonly copiesPrefixes: boolean
  /** Number of computed prompt tokens. */
  computed = 0
  poisonedId: number | null = null
  readonly #kv: Int32Array[]
  readonly #filled: number[]
  readonly #logits = new Float32Array(8 * VOCABULARY)

  constructor(slots: number, copiesPrefixes: boolean) {
    this.copiesPrefixes = copiesPrefixes
    this.#kv = Array.from({ length: slots }, () => new Int32Array(LENGTH).fill(-99))
    this.#filled = Array.from({ length: slots }, () => 0)
  }

  decode(first: number, tokens: readonly (number | null)[]): void {
    tokens.forEach((token, row) => {
      const slot = first + row
      const position = Math.min(this.#filled[slot] ?? 0, LENGTH - 1)
      this.#of(slot)[position] = token ?? -7
      if (token !== null) this.#filled[slot] = position + 1
      this.#fill(row, slot, position + 1)
    })
  }

  prefill(slot: number, ids: ArrayLike<number>, start: number, count: number): void {
    for (let at = start; at < start + count; at += 1) {
      this.#of(slot)[this.#filled[slot] ?? 0] = ids[at] ?? -1
      this.#filled[slot] = (this.#filled[slot] ?? 0) + 1
    }
    this.computed += count
    this.#fill(0, slot, this.#filled[slot] ?? 0)
  }

  logitRow(row: number): Float32Array {
    return this.#logits.subarray(row * VOCABULARY, (row + 1) * VOCABULARY)
  }

  keep(slot: number, positions: number): void {
    if (positions > Math.min(this.#filled[slot] ?? 0, LENGTH - 1))
      throw new RangeError(`slot ${slot} does not hold ${positions}`)
    this.#filled[slot] = positions
  }

  copyPrefix(from: number, to: number, positions: number): void {
    if (!this.copiesPrefixes || from === to || positions > Math.min(this.#filled[from] ?? 0, LENGTH - 1))
      throw new RangeError(`slot ${from} cannot give ${positions}`)
    this.#of(to).set(this.#of(from).subarray(0, positions))
    this.#filled[to] = positions
  }

  #of(slot: number): Int32Array {
    const kv = this.#kv[slot]
    if (kv === undefined) throw new RangeError(`slot ${slot}`)
    return kv
  }

  #fill(row: number, slot: number, length: number): void {
    const read = this.#of(slot).subarray(0, length)
    const hash = read.reduce((sum, id) => (Math.imul(sum, 31) + id + 1) | 0, 17)
    this.logitRow(row).fill(0)[Math.abs(hash) % VOCABULARY] =
      this.poisonedId !== null && read.includes(this.poisonedId) ? Number.NaN : 5
  }
}

const setUp = (slots: number, copies: boolean) => {
  const model = new HashingModel(slots, copies)
  const engine = new InferenceEngine(
    model,
    { slots, contextLength: LENGTH, queueRequests: 100, queueTokens: 10_000, prefillChunk: 5, scoreChunk: 2 },
    VOCABULARY,
    { now: () => 0 },
  )
  const outputs: RequestOutput[] = []
  const finish = (): void => {
    while (engine.busy) engine.step()
    outputs.push(...engine.takeOutputs())
  }
  const done = (requestId: string) => outputs.find((output) => output.requestId === requestId && output.kind === 'done')
  const ids = (requestId: string): number[] =>
    outputs.flatMap((output) =>
      output.kind === 'tokens' && output.requestId === requestId ? output.tokens.map(({ id }) => id) : [],
    )
  /** Runs one request to its end. */
  const ask = (requestId: string, changes: Partial<GenerateRequest>) => {
    engine.submit(request(requestId, changes))
    finish()
    const end = done(requestId)
    return { ids: ids(requestId), cachedTokens: end?.kind === 'done' ? end.cachedTokens : null }
  }
  return { model, engine, outputs, finish, done, ids, ask }
}

const request = (requestId: string, changes: Partial<GenerateRequest>): GenerateRequest => ({
  requestId,
  promptIds: [1],
  maxTokens: 4,
  stopIds: [],
  logprobs: null,
  promptLogprobs: null,
  cacheScope: 'a',
  client: 'a',
  priority: 'batch',
  sampling: greedy,
  ...changes,
})

const alone = (promptIds: readonly number[], maxTokens: number): number[] =>
  setUp(1, false).ask('alone', { promptIds, maxTokens, cacheScope: null }).ids
const text = (length: number, seed: number): number[] =>
  Array.from({ length }, (_, at) => (at * at + seed * 5 + at * seed) % VOCABULARY)

describe('the prefix cache', () => {
  it('computes only the new tokens of a second turn, and only the last token of a repeated prompt', () => {
    const { model, ask } = setUp(2, false)
    const first = ask('first', { promptIds: text(20, 1) })
    const secondPrompt = [...text(20, 1), ...first.ids, 3, 3]
    const before = model.computed
    const second = ask('second', { promptIds: secondPrompt })
    // The last token of the reply was sampled but never run.
    expect([first.cachedTokens, second.cachedTokens, model.computed - before]).toEqual([0, 23, 3])
    expect(second.ids).toEqual(alone(secondPrompt, 4))
    expect(ask('again', { promptIds: secondPrompt })).toEqual({
      ids: second.ids,
      cachedTokens: secondPrompt.length - 1,
    })
  })

  it('shares nothing between key-holders, nothing without one, and nothing with a scored prompt', () => {
    const { ask } = setUp(4, true)
    const promptIds = text(20, 1)
    const cached = (id: string, changes: Partial<GenerateRequest>) => ask(id, { promptIds, ...changes }).cachedTokens
    expect(cached('mine', {})).toBe(0)
    expect(cached('yours', { cacheScope: 'b' })).toBe(0)
    expect(cached('nobody', { cacheScope: null })).toBe(0)
    expect(cached('nobody-again', { cacheScope: null })).toBe(0)
    expect(cached('scored', { promptLogprobs: 0, maxTokens: 0 })).toBe(0)
    // Five requests on four slots: the oldest was evicted.
    expect(cached('yours-again', { cacheScope: 'b' })).toBe(19)
  })

  it('copies a shared prefix out of a busy slot and out of a conversation that continues', () => {
    const { engine, model, ask, finish, ids, done } = setUp(3, true)
    const system = text(20, 2)
    const conversation = ask('conversation', { promptIds: [...system, ...text(24, 3)], maxTokens: 3 })
    engine.submit(request('running', { promptIds: [...system, 1], maxTokens: 20 }))
    engine.step()
    engine.submit(request('beside', { promptIds: [...system, 2, 2], maxTokens: 3 }))
    const before = model.computed
    finish()
    expect([done('running'), done('beside')]).toMatchObject([{ cachedTokens: 20 }, { cachedTokens: 20 }])
    expect(model.computed - before).toBe(2)
    expect([ids('running'), ids('beside')]).toEqual([alone([...system, 1], 20), alone([...system, 2, 2], 3)])
    expect(
      ask('goes-on', { promptIds: [...system, ...text(24, 3), ...conversation.ids.slice(0, 1), 5], maxTokens: 1 })
        .cachedTokens,
    ).toBe(45)
  })

  it('reuses what another prompt computed while this one waited in its slot', () => {
    const { engine, ask, finish, done } = setUp(2, true)
    ask('warm', { promptIds: [1, 2] })
    engine.submit(request('first', { promptIds: [...text(30, 4), 1], maxTokens: 1 }))
    engine.submit(request('second', { promptIds: [...text(30, 4), 2], maxTokens: 1 }))
    finish()
    expect([done('first'), done('second')]).toMatchObject([{ cachedTokens: 0 }, { cachedTokens: 30 }])
  })

  it('keeps the computed part of a cancelled prompt', () => {
    const { engine, ask } = setUp(1, false)
    const promptIds = text(30, 1)
    engine.submit(request('left', { promptIds }))
    engine.step()
    engine.step()
    engine.cancel('left')
    expect(ask('again', { promptIds })).toEqual({ ids: alone(promptIds, 4), cachedTokens: 10 })
  })

  it('does not reuse a slot that gave garbage', () => {
    const { model, engine, outputs, finish, ask } = setUp(1, true)
    const promptIds = text(20, 1)
    model.poisonedId = promptIds[19] ?? -1
    engine.submit(request('bad', { promptIds }))
    finish()
    expect(outputs).toMatchObject([{ kind: 'failed', error: { code: 'engine_fault' } }])
    model.poisonedId = null
    expect(ask('good', { promptIds }).cachedTokens).toBe(0)
  })
})

type Action =
  | {
      readonly kind: 'ask'
      readonly scope: string | null
      readonly system: number
      readonly words: number
      readonly maxTokens: number
    }
  | {
      readonly kind: 'goOn'
      readonly pick: number
      readonly words: number
      readonly maxTokens: number
      readonly drop: boolean
    }
  | { readonly kind: 'cancel'; readonly pick: number }
  | { readonly kind: 'step' }

const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('ask' as const),
      scope: fc.constantFrom('a', 'b', null),
      system: fc.nat(1),
      words: fc.nat(6),
      maxTokens: fc.integer({ min: 1, max: 6 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('goOn' as const),
      pick: fc.nat(9),
      words: fc.integer({ min: 1, max: 4 }),
      maxTokens: fc.integer({ min: 1, max: 6 }),
      drop: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('cancel' as const), pick: fc.nat(9) }) },
  { weight: 6, arbitrary: fc.constant({ kind: 'step' as const }) },
)

describe('the prefix cache under random actions', () => {
  it('changes no reply: further turns, truncated conversations, cancels in every phase, idle rows, copies', () => {
    let cachedTokens = 0
    fc.assert(
      fc.property(
        fc.array(action, { maxLength: 60, size: 'max' }),
        fc.integer({ min: 1, max: 5 }),
        fc.boolean(),
        (actions, slots, copies) => {
          const { engine, outputs, finish, ids } = setUp(slots, copies)
          const asked: {
            readonly id: string
            readonly scope: string | null
            readonly system: readonly number[]
            readonly promptIds: readonly number[]
            readonly maxTokens: number
          }[] = []
          const submit = (
            scope: string | null,
            system: readonly number[],
            rest: readonly number[],
            maxTokens: number,
          ): void => {
            const promptIds = [...system, ...rest].slice(0, LENGTH - maxTokens)
            const id = `r${asked.length}`
            asked.push({ id, scope, system, promptIds, maxTokens })
            engine.submit(request(id, { promptIds, maxTokens, cacheScope: scope }))
          }
          for (const [turn, act] of actions.entries()) {
            if (act.kind === 'ask') submit(act.scope, text(18, act.system), text(act.words + 1, turn), act.maxTokens)
            else if (act.kind === 'step') engine.step()
            else {
              const earlier = asked[act.pick % Math.max(1, asked.length)]
              if (earlier === undefined) continue
              if (act.kind === 'cancel') engine.cancel(earlier.id)
              // A conversation that exceeds its context loses its oldest turn after the system prompt.
              else
                submit(
                  earlier.scope,
                  earlier.system,
                  [
                    ...earlier.promptIds.slice(earlier.system.length + (act.drop ? 3 : 0)),
                    ...ids(earlier.id),
                    ...text(act.words, turn),
                  ],
                  act.maxTokens,
                )
            }
            outputs.push(...engine.takeOutputs())
          }
          finish()
          for (const { id, promptIds, maxTokens } of asked) {
            const expected = alone(promptIds, maxTokens)
            const ends = outputs.filter(
              (output) => output.requestId === id && (output.kind === 'done' || output.kind === 'failed'),
            )
            expect(ends).toHaveLength(1)
            const [end] = ends
            if (end?.kind !== 'done') throw new Error(`${id} failed`)
            expect(end.cachedTokens).toBeLessThan(promptIds.length)
            expect(ids(id)).toEqual(
              end.finishReason === 'cancelled' ? expected.slice(0, end.completionTokens) : expected,
            )
            cachedTokens += end.cachedTokens
          }
        },
      ),
      { numRuns: 200, seed: 20261121 },
    )
    expect(cachedTokens).toBeGreaterThan(4000)
  })
})
