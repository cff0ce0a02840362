import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { greedy } from '../../shared/contracts/engine.fixture.ts'
import type { GenerateRequest } from '../../shared/contracts/engine.ts'
import type { Grammar, JsonShape } from '../../shared/domain/grammar.ts'
import { Grammars } from './grammar/grammars.ts'
import { pack } from './grammar/testing/small-vocabulary.ts'
import { RandomModel, request, serve, shown, VOCABULARY, wish, type Reply } from './testing/random-model.ts'

const END = 0
const CLOSE = 2
const FIRST = 9
const NEXT = 10
/**
 * Few tokens, so that even random replies repeat themselves; several cross token borders of JSON. There is no digit 2
 * alone.
 */
const texts = ['', '[', ']', ',', '1', '12', '"', 'a', '],', '[1', ',1', '"a']
const grammars = new Grammars(pack(texts.map((text) => Buffer.from(text))), VOCABULARY)

const json = (shape: JsonShape, node: JsonShape = shape): Grammar => ({
  definitions: { node },
  root: { kind: 'json', shape },
})
const list = (items: readonly string[], minItems: number, maxItems: number): Grammar =>
  json({ kind: 'array', items: { kind: 'literals', texts: items }, minItems, maxItems })
const tree: JsonShape = {
  kind: 'array',
  items: {
    kind: 'anyOf',
    options: [
      { kind: 'reference', name: 'node' },
      { kind: 'literals', texts: ['1', '121'] },
    ],
  },
  minItems: 1,
  maxItems: null,
}
const numbers = list(['1', '12', '121'], 2, 14)
const kinds: readonly Grammar[] = [
  numbers,
  json(tree),
  json({ kind: 'array', items: { kind: 'string' }, minItems: 2, maxItems: null }),
  // Complete after every digit, but may continue.
  json({ kind: 'integer' }),
  {
    definitions: {},
    root: {
      kind: 'sequence',
      parts: [
        { kind: 'text', text: 'a1' },
        { kind: 'json', shape: { kind: 'any' } },
        { kind: 'text', text: '"a1a1a1a1a1a1a1"' },
      ],
    },
  },
  // A call or free text, in which everything is allowed.
  {
    definitions: {},
    root: {
      kind: 'choice',
      options: [
        { kind: 'sequence', parts: [{ kind: 'text', text: '[1,' }, numbers.root] },
        { kind: 'free', unless: '[1,' },
      ],
    },
  },
]

/** Checks a reply with a separate matcher: every token was allowed, and the reply may end where it ended. */
function expectToFollow({ tokens, end }: Reply, { grammar, stopIds }: GenerateRequest): void {
  if (grammar === undefined) return
  const matcher = grammars.follow(grammar, stopIds)
  const allows = (id: number): boolean => {
    const mask = matcher.mask()
    return mask === null || ((mask[id >> 5] ?? 0) & (1 << (id & 31))) !== 0
  }
  for (const { id } of tokens) {
    expect(allows(id)).toBe(true)
    expect(stopIds).not.toContain(id)
    matcher.accept(id)
  }
  const stopped = end?.kind === 'done' && end.finishReason === 'stop'
  expect(!stopped || matcher.finished || stopIds.some(allows)).toBe(true)
}

/** Checks every verified run of one reply: no row was run for a token that the grammar refuses, or after an end. */
function expectDraftsToFollow(
  { verified, verifiedAfter }: RandomModel,
  { grammar, promptIds, stopIds }: GenerateRequest,
): void {
  if (grammar === undefined) return
  for (const [at, run] of verified.entries()) {
    const matcher = grammars.follow(grammar, stopIds)
    const written = verifiedAfter[at]?.slice(promptIds.length) ?? []
    const [last = -1, ...draft] = run
    for (const id of [...written, last]) matcher.accept(id)
    for (const [index, id] of draft.entries()) {
      const mask = matcher.mask()
      expect(
        mask === null || ((mask[id >> 5] ?? 0) & (1 << (id & 31))) !== 0,
        `${draft.join(' ')} after ${written.join(' ')} ${last}`,
      ).toBe(true)
      const stops = stopIds.includes(id) && !matcher.free
      expect(stops && index < draft.length - 1).toBe(false)
      if (!stops) matcher.accept(id)
    }
  }
}

const missing: Reply = { tokens: [], end: null }
const ids = ({ tokens }: Reply): number[] => tokens.map(({ id }) => id)
/** One reply with speculation, and the runs verified for it. */
function reply(changes: Partial<GenerateRequest>): {
  readonly reply: Reply
  readonly verified: readonly (readonly number[])[]
} {
  const runner = new RandomModel(5, 1)
  const one = request('a', changes)
  const made = serve(runner, 15, [one], { grammars }).get('a') ?? missing
  expect(shown(made)).toEqual(shown(serve(new RandomModel(5, 1), 0, [one], { grammars }).get('a') ?? missing))
  expectDraftsToFollow(runner, one)
  return { reply: made, verified: runner.verified }
}

describe('speculation under a grammar', () => {
  const mixed = fc.record({
    asked: wish,
    grammar: fc.option(fc.constantFrom(...kinds), { nil: undefined, freq: 3 }),
    ends: fc.constantFrom([END], [END, 8], []),
  })

  it('does not change any reply, with or without a grammar', () => {
    const bound = { proposed: 0, accepted: 0, tokens: 0, stops: 0, lengths: 0 }
    fc.assert(
      fc.property(
        fc.integer(),
        fc.integer({ min: 1, max: 3 }),
        fc.array(mixed, { minLength: 1, maxLength: 5 }),
        fc.integer({ min: 1, max: 30 }),
        (seed, reach, wishes, every) => {
          const requests = wishes.map(({ asked, grammar, ends }, index) =>
            request(`r${index}`, grammar === undefined ? asked : { ...asked, grammar, stopIds: ends }),
          )
          const plain = serve(new RandomModel(seed, reach), 0, requests, { every, grammars })
          const speculative = serve(new RandomModel(seed, reach), 15, requests, { every, grammars })
          for (const one of requests) {
            const made = speculative.get(one.requestId) ?? missing
            expect(shown(made)).toEqual(shown(plain.get(one.requestId) ?? missing))
            expectToFollow(made, one)
            expect(made.end?.kind === 'failed' ? made.end.error.code : null).toBeOneOf([
              null,
              'context_length_exceeded',
            ])
            if (one.grammar === undefined || made.end?.kind !== 'done') continue
            bound.proposed += made.end.drafted?.proposed ?? 0
            bound.accepted += made.end.drafted?.accepted ?? 0
            bound.tokens += made.tokens.length
            if (made.end.finishReason === 'stop') bound.stops += 1
            else bound.lengths += 1
          }
        },
      ),
      { numRuns: 150, seed: 20261121 },
    )
    // The comparison proves nothing without drafts, if every draft is right, or if no reply ends.
    expect(bound.accepted).toBeGreaterThan(300)
    expect(bound.proposed - bound.accepted).toBeGreaterThan(100)
    expect(bound.stops).toBeGreaterThan(100)
    expect(bound.lengths).toBeGreaterThan(100)
  })

  it('never verifies a token that the grammar refuses', () => {
    let runs = 0
    fc.assert(
      fc.property(
        fc.integer(),
        fc.integer({ min: 1, max: 3 }),
        wish,
        fc.constantFrom(...kinds),
        fc.constantFrom([END], [END, 8], []),
        (seed, reach, asked, grammar, stopIds) => {
          const runner = new RandomModel(seed, reach)
          const one = request('a', { ...asked, promptLogprobs: null, grammar, stopIds })
          serve(runner, 15, [one], { grammars })
          runs += runner.verified.length
          expectDraftsToFollow(runner, one)
        },
      ),
      { numRuns: 150, seed: 20261124 },
    )
    expect(runs).toBeGreaterThan(100)
  })

  it('limits a draft to what the grammar allows', () => {
    const { reply: made, verified } = reply({
      grammar: list(['1'], 1, 20),
      sampling: { ...greedy, logitBias: { [FIRST]: 50, [NEXT]: 50 } },
      logprobs: 1,
    })
    expect(ids(made)).toEqual([FIRST, ...Array.from({ length: 19 }, () => NEXT), CLOSE])
    expect(made.end).toMatchObject({ kind: 'done', finishReason: 'stop', completionTokens: 21 })
    // Every draft was right, although the repeated text alone never ends.
    const drafted = made.end?.kind === 'done' ? made.end.drafted : undefined
    expect(drafted?.proposed).toBeGreaterThan(0)
    expect(drafted?.accepted).toBe(drafted?.proposed)
    expect(verified.every((run) => run.at(-1) === NEXT)).toBe(true)
  })

  it('does not propose an end token inside a structure, even where the text continues with one and the model prefers it', () => {
    const ending = [FIRST, NEXT, NEXT, END]
    const { reply: made, verified } = reply({
      promptIds: [...ending, 7, ...ending, 7],
      stopIds: [END],
      grammar: list(['1'], 6, 20),
      sampling: { ...greedy, logitBias: { [END]: 100, [CLOSE]: 80, [FIRST]: 50, [NEXT]: 50 } },
    })
    expect(ids(made)).toEqual([FIRST, NEXT, NEXT, NEXT, NEXT, NEXT, CLOSE])
    expect(made.end).toMatchObject({ kind: 'done', finishReason: 'stop', completionTokens: 7 })
    expect(verified.length).toBeGreaterThan(0)
    expect(verified.some((run) => run.includes(END))).toBe(false)
  })

  it('ends with a proposed end token where the grammar can end', () => {
    const said = [4, 4, 4, 4, END]
    const grammar: Grammar = {
      definitions: {},
      root: {
        kind: 'sequence',
        parts: [
          { kind: 'text', text: '111' },
          { kind: 'json', shape: { kind: 'integer' } },
        ],
      },
    }
    const { reply: made, verified } = reply({
      promptIds: [...said, 7, ...said, 7],
      stopIds: [END],
      grammar,
      sampling: { ...greedy, logitBias: { [END]: 100, 4: 50 } },
    })
    expect(ids(made)).toEqual([4, 4, 4, 4])
    expect(made.end).toMatchObject({ kind: 'done', finishReason: 'stop', completionTokens: said.length })
    expect(verified.some((run) => run.includes(END))).toBe(true)
  })

  it('proposes nothing after the end of the grammar', () => {
    const whole = [FIRST, NEXT, NEXT, NEXT, NEXT, CLOSE]
    const { reply: made, verified } = reply({
      promptIds: [...whole, ...whole, ...whole],
      stopIds: [END],
      grammar: list(['1'], 5, 5),
      sampling: { ...greedy, logitBias: { [FIRST]: 50, [NEXT]: 50 } },
    })
    expect(ids(made)).toEqual(whole)
    expect(made.end).toMatchObject({ kind: 'done', finishReason: 'stop', completionTokens: whole.length })
    expect(verified.length).toBeGreaterThan(0)
    expect(verified.some((run) => run.includes(CLOSE) && run.at(-1) !== CLOSE)).toBe(false)
  })

  it('ends a cancelled reply where it was, and the next reply in its slot starts its own grammar', () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.integer({ min: 1, max: 25 }),
        fc.integer({ min: 1, max: 10 }),
        fc.constantFrom(...kinds),
        (seed, at, every, grammar) => {
          const requests = ['a', 'b', 'c', 'd', 'e'].map((requestId, index) =>
            request(requestId, { promptIds: [index, 4, 5], stopIds: [END], ...(index % 2 === 0 ? { grammar } : {}) }),
          )
          const plain = serve(new RandomModel(seed, 1), 0, requests, { grammars })
          const speculative = serve(new RandomModel(seed, 1), 15, requests, {
            every,
            cancelAt: new Map([[at, 'a']]),
            grammars,
          })
          const left = speculative.get('a') ?? missing
          expect(left.tokens).toEqual(plain.get('a')?.tokens.slice(0, left.tokens.length))
          for (const other of ['b', 'c', 'd', 'e'])
            expect(shown(speculative.get(other) ?? missing)).toEqual(shown(plain.get(other) ?? missing))
        },
      ),
      { numRuns: 60, seed: 20261121 },
    )
  })
})
