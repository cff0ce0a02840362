/** Ambiguous grammars: every token that a mask allows is accepted, and no alternative is lost. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Grammar, JsonDefinitions, JsonShape } from '../../../shared/domain/grammar.ts'
import { Grammars, type GrammarMatcher } from './grammars.ts'
import { pack, smallVocabulary } from './testing/small-vocabulary.ts'

const STOP = 1
/** Tokens of several bytes that reach far into the common beginning of many alternatives. */
const deep = [
  '{"a":{"',
  '{"a": {"type": "k',
  '{"type": "k1',
  '"type":"k',
  'type": "k',
  '": {"',
  '": "k',
  '[[[',
  ']]]',
  '[[[[[',
  '{"a":[',
  '{"a":[[',
  '[{"a":',
  '"k10',
  '"k100"',
  '"k9"}',
  '{"k5',
  '{"k50":',
  '{"k61',
  '"}}',
  '"}]}',
  '1]}',
  '], [',
  '\n  "a": ',
]
const vocabulary = [...smallVocabulary, ...deep.map((text) => new TextEncoder().encode(text))]
const grammars = new Grammars(pack(vocabulary), vocabulary.length)
const json = (shape: JsonShape, definitions: JsonDefinitions = {}): Grammar => ({
  definitions,
  root: { kind: 'json', shape },
})
const has = (mask: Int32Array | null, id: number): boolean =>
  mask === null || ((mask[id >> 5] ?? 0) & (1 << (id & 31))) !== 0
const allowed = (matcher: GrammarMatcher): number[] => {
  const mask = matcher.mask()
  return [...vocabulary.keys()].filter((id) => id !== STOP && has(mask, id))
}
const after = (grammar: Grammar, path: readonly number[]): GrammarMatcher => {
  const matcher = grammars.follow(grammar, [STOP])
  for (const id of path) matcher.accept(id)
  return matcher
}
const shownAs = (path: readonly number[]): string =>
  JSON.stringify(path.map((id) => Buffer.from(vocabulary[id] ?? []).toString()).join(''))

/**
 * Walks a few tokens into the grammar; at each position every token that the mask allows must be accepted and have a
 * continuation.
 */
function expectMasksToHold(grammar: Grammar, picks: readonly number[], begun = ''): number {
  const path = [...Buffer.from(begun)].map((byte) => 2 + byte)
  let checked = 0
  for (const pick of picks) {
    const matcher = after(grammar, path)
    if (matcher.finished) break
    const ids = allowed(matcher)
    for (const id of ids) {
      const next = after(grammar, path)
      expect(
        () => next.accept(id),
        `${shownAs([...path, id])} of ${JSON.stringify(grammar).slice(0, 500)}`,
      ).not.toThrow()
      expect(next.finished || allowed(next).length > 0 || has(next.mask(), STOP)).toBe(true)
      checked += 1
    }
    // Half of the walk prefers long tokens, which this test is about.
    const long = ids.filter((id) => (vocabulary[id]?.length ?? 0) > 2)
    const from = pick % 2 === 0 && long.length > 0 ? long : ids
    path.push(from[pick % from.length] ?? 0)
  }
  return checked
}

/** Whether the grammar accepts the text, in the longest tokens that its masks allow. */
function takes(grammar: Grammar, text: string): boolean {
  const matcher = grammars.follow(grammar, [STOP])
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length;) {
    const mask = matcher.mask()
    const fitting = [...vocabulary.keys()].filter(
      (id) =>
        id > STOP &&
        has(mask, id) &&
        (vocabulary[id]?.length ?? 0) > 0 &&
        bytes.subarray(at).indexOf(vocabulary[id] ?? new Uint8Array(0)) === 0,
    )
    const longest = fitting.toSorted((a, b) => (vocabulary[b]?.length ?? 0) - (vocabulary[a]?.length ?? 0))[0]
    if (longest === undefined) return false
    matcher.accept(longest)
    at += vocabulary[longest]?.length ?? 0
  }
  return has(matcher.mask(), STOP)
}

const object = (properties: Readonly<Record<string, JsonShape>>): JsonShape => ({
  kind: 'object',
  properties: Object.entries(properties).map(([name, shape]) => ({ name, shape, required: true })),
  additional: null,
})
const literal = (text: string): JsonShape => ({ kind: 'literals', texts: [JSON.stringify(text)] })
const anyOf = (count: number, option: (index: number) => JsonShape): JsonShape => ({
  kind: 'anyOf',
  options: Array.from({ length: count }, (_, index) => option(index)),
})
const MANY = 120

/** Unions of 120 options, each with the text of one option. */
const unions: readonly (readonly [string, Grammar, (index: number) => string])[] = [
  [
    'objects told apart by a key',
    json(anyOf(MANY, (index) => object({ [`k${index}`]: { kind: 'integer' } }))),
    (index) => `{"k${index}":1}`,
  ],
  [
    'objects told apart by a value',
    json(anyOf(MANY, (index) => object({ type: literal(`k${index}`), [`v${index}`]: { kind: 'string' } }))),
    (index) => `{"type": "k${index}", "v${index}": ""}`,
  ],
  [
    'objects told apart deep inside',
    json(anyOf(MANY, (index) => object({ a: object({ type: literal(`k${index}`) }) }))),
    (index) => `{"a": {"type": "k${index}"}}`,
  ],
  [
    'lists of such objects',
    json({
      kind: 'array',
      items: anyOf(MANY, (index) =>
        object({ a: { kind: 'array', items: literal(`k${index}`), minItems: 0, maxItems: null } }),
      ),
      minItems: 1,
      maxItems: null,
    }),
    (index) => `[{"a":["k${index}"]},{"a":["k${index}", "k${index}"]}]`,
  ],
  ['constants', json(anyOf(MANY, (index) => literal(`k${index}`))), (index) => `"k${index}"`],
  [
    'definitions, each of which contains the union again',
    json(
      { kind: 'reference', name: 'node' },
      {
        node: anyOf(MANY, (index) => ({ kind: 'reference', name: `n${index}` })),
        ...Object.fromEntries(
          Array.from({ length: MANY }, (_, index) => [
            `n${index}`,
            object({
              type: literal(`k${index}`),
              a: { kind: 'array', items: { kind: 'reference', name: 'node' }, minItems: 0, maxItems: null },
            }),
          ]),
        ),
      },
    ),
    (index) => `{"type": "k${index}", "a": [{"type": "k${MANY - 1 - index}", "a": []}]}`,
  ],
]

describe('a union of many', () => {
  it.each(unions)('%s: accepts every option, and every token that its masks allow', (_, grammar, text) => {
    for (let index = 0; index < MANY; index += 7) expect([index, takes(grammar, text(index))]).toEqual([index, true])
    expect(takes(grammar, text(MANY))).toBe(false)
    for (const seed of [0, 4, 31])
      expect(expectMasksToHold(grammar, [seed, seed + 7, seed + 2, seed * 3, seed + 5])).toBeGreaterThan(5)
  })
})

describe('any grammar, however ambiguous', () => {
  const names = fc.constantFrom('a', 'type', 'name')
  const numbered = (count: number, shape: JsonShape): JsonShape =>
    anyOf(count, (index) =>
      index % 3 === 0
        ? object({ a: shape, [`k${index}`]: { kind: 'integer' } })
        : index % 3 === 1
          ? object({ a: literal(`k${index}`) })
          : { kind: 'array', items: shape, minItems: index % 5, maxItems: null },
    )
  const leaves = fc.constantFrom<JsonShape>(
    { kind: 'string' },
    { kind: 'integer' },
    { kind: 'any' },
    { kind: 'literals', texts: ['"k1"', '"k10"', '"k100"', '1'] },
    { kind: 'reference', name: 'left' },
    { kind: 'reference', name: 'right' },
  )
  const shapes: fc.Arbitrary<JsonShape> = fc.letrec<{ shape: JsonShape }>((tie) => ({
    shape: fc.oneof(
      { maxDepth: 4 },
      leaves,
      fc.tuple(names, tie('shape')).map(([name, shape]) => object({ [name]: shape })),
      fc.record({
        kind: fc.constant('array' as const),
        items: tie('shape'),
        minItems: fc.integer({ min: 0, max: 2 }),
        maxItems: fc.constantFrom(null, 3),
      }),
      fc.record({
        kind: fc.constant('anyOf' as const),
        options: fc.array(tie('shape'), { minLength: 1, maxLength: 4 }),
      }),
    ),
  })).shape
  /** Not nested: a schema of more than 64 kB is refused at the endpoint. */
  const wide = fc.oneof(
    shapes,
    fc.tuple(fc.integer({ min: 30, max: 100 }), leaves).map(([count, shape]) => object({ a: numbered(count, shape) })),
    fc.tuple(fc.integer({ min: 30, max: 100 }), leaves).map(([count, shape]) => numbered(count, shape)),
  )
  // Two equal lists that contain each other: every bracket doubles the readings.
  const list = (other: string): JsonShape =>
    anyOf(3, (index) => ({
      kind: 'array',
      items: { kind: 'reference', name: index === 0 ? other : index === 1 ? 'left' : 'right' },
      minItems: 0,
      maxItems: null,
    }))
  const definitions = (inner: JsonShape): JsonDefinitions => ({
    left: { kind: 'anyOf', options: [list('right'), inner] },
    right: { kind: 'anyOf', options: [list('left'), { kind: 'integer' }] },
  })

  it('accepts every token that its masks allow with more readings than are kept', () => {
    // Items of counted lists are called: one reading for each, and twice as many after a bracket.
    const pairs = json(
      anyOf(MANY, (index) => ({
        kind: 'array',
        items: object({ [`k${index}`]: { kind: 'integer' } }),
        minItems: 2,
        maxItems: 2,
      })),
    )
    for (const begun of ['', '[', '[ ', '[{']) expect(expectMasksToHold(pairs, [1, 4, 2, 3], begun)).toBeGreaterThan(5)
  })

  it('accepts every token that its masks allow', () => {
    let checked = 0
    fc.assert(
      fc.property(wide, wide, fc.array(fc.nat(1000), { minLength: 2, maxLength: 4 }), (shape, inner, picks) => {
        // A definition that starts with itself has no text; the endpoint refuses it.
        checked += expectMasksToHold(json(shape, definitions(object({ a: inner }))), picks)
      }),
      { numRuns: 25, seed: 20261123 },
    )
    expect(checked).toBeGreaterThan(500)
  })

  it('follows brackets that double its readings to any depth', () => {
    const grammar = json({ kind: 'reference', name: 'left' }, definitions({ kind: 'integer' }))
    expect(takes(grammar, `${'['.repeat(40)}1${']'.repeat(40)}`)).toBe(true)
    expect(takes(grammar, `${'['.repeat(40)}1${']'.repeat(41)}`)).toBe(false)
  })
})
