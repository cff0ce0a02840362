import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Grammar, JsonDefinitions, JsonShape } from '../../../shared/domain/grammar.ts'
import { Grammars, type GrammarMatcher } from './grammars.ts'
import { fitsShape } from './testing/fits-shape.ts'
import { pack, smallVocabulary } from './testing/small-vocabulary.ts'

const SIZE = smallVocabulary.length + 3
const STOP = 1
const grammars = new Grammars(pack(smallVocabulary), SIZE)
const json = (shape: JsonShape, definitions: JsonDefinitions = {}): Grammar => ({
  definitions,
  root: { kind: 'json', shape },
})
const has = (mask: Int32Array, id: number): boolean => ((mask[id >> 5] ?? 0) & (1 << (id & 31))) !== 0
const allowed = (mask: Int32Array | null): number[] =>
  Array.from({ length: SIZE }, (_, id) => id).filter((id) => mask === null || has(mask, id))

/** Tokens that lead towards the end of a text. */
const closers = new Set(
  [...smallVocabulary.keys()].filter((id) =>
    /^[\]}",\s:0-9]+$/u.test(Buffer.from(smallVocabulary[id] ?? []).toString()),
  ),
)

/** One reply that draws allowed tokens at random and prefers the end more with every step. */
function write(
  matcher: GrammarMatcher,
  random: () => number,
  limit: number,
): { readonly text: string; readonly ended: boolean } {
  const bytes: number[] = []
  for (let step = 0; step < limit; step += 1) {
    const mask = matcher.mask()
    const ids = allowed(mask)
    expect(ids.length).toBeGreaterThan(0)
    if (ids.includes(STOP) && (ids.length === 1 || random() < 0.5)) return { text: decode(bytes), ended: true }
    const closing = ids.filter((id) => closers.has(id))
    const from = step > limit / 8 && closing.length > 0 && random() < 0.8 ? closing : ids.filter((id) => id !== STOP)
    const id = from[Math.floor(random() * from.length)] ?? STOP
    bytes.push(...(smallVocabulary[id] ?? []))
    matcher.accept(id)
    if (matcher.finished) return { text: decode(bytes), ended: true }
  }
  return { text: decode(bytes), ended: false }
}
const decode = (bytes: readonly number[]): string =>
  new TextDecoder('utf-8', { fatal: false }).decode(Uint8Array.from(bytes))

/** mulberry32: the same sequence for the same seed. */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** Whether the grammar accepts these bytes, one token per byte. */
function takes(grammar: Grammar, text: string): 'whole' | 'begins' | 'refused' {
  const matcher = grammars.follow(grammar, [STOP])
  for (const byte of Buffer.from(text)) {
    const id = 2 + byte
    const mask = matcher.mask()
    if (mask !== null && !has(mask, id)) return 'refused'
    matcher.accept(id)
  }
  const mask = matcher.mask()
  return mask === null || has(mask, STOP) ? 'whole' : 'begins'
}

const names = fc.constantFrom('name', 'status', '订单', '状态', 'a', 'ab', 'with "quote"', '__proto__', 'é', '')
const shapes: fc.Arbitrary<JsonShape> = fc.letrec<{ shape: JsonShape }>((tie) => ({
  shape: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.constantFrom<JsonShape>(
      { kind: 'string' },
      { kind: 'number' },
      { kind: 'integer' },
      { kind: 'any' },
      { kind: 'literals', texts: ['true', 'false'] },
      { kind: 'literals', texts: ['null'] },
      { kind: 'literals', texts: ['"open"', '"opened"', '"退款"', '{"a":1}', '12', '1'] },
    ),
    fc.record({
      kind: fc.constant('array' as const),
      items: tie('shape'),
      minItems: fc.integer({ min: 0, max: 2 }),
      maxItems: fc.option(fc.integer({ min: 2, max: 3 })),
    }),
    fc.record({ kind: fc.constant('anyOf' as const), options: fc.array(tie('shape'), { minLength: 1, maxLength: 3 }) }),
    fc.record({
      kind: fc.constant('object' as const),
      properties: fc.uniqueArray(fc.record({ name: names, shape: tie('shape'), required: fc.boolean() }), {
        maxLength: 4,
        selector: ({ name }) => name,
      }),
      additional: fc.option(tie('shape')),
    }),
  ),
})).shape

describe('a grammar of JSON', () => {
  it('makes every reply valid JSON of the shape, or a prefix of it', () => {
    let ended = 0
    fc.assert(
      fc.property(shapes, fc.integer(), (shape, seed) => {
        const reply = write(grammars.follow(json(shape), [STOP]), randomFrom(seed), 120)
        if (!reply.ended) return
        ended += 1
        const value: unknown = JSON.parse(reply.text)
        expect(fitsShape(value, shape, {}), `${reply.text} for ${JSON.stringify(shape)}`).toBe(true)
        expect(reply.text.isWellFormed() && !reply.text.includes('\u{FFFD}')).toBe(true)
      }),
      { numRuns: 120 },
    )
    expect(ended).toBeGreaterThan(50)
  })

  it('allows exactly the tokens whose bytes can follow one by one', () => {
    fc.assert(
      fc.property(shapes, fc.integer(), fc.integer({ min: 0, max: 25 }), (shape, seed, steps) => {
        const grammar = json(shape)
        const random = randomFrom(seed)
        const matcher = grammars.follow(grammar, [STOP])
        const path: number[] = []
        for (let step = 0; step < steps && !matcher.finished; step += 1) {
          const ids = allowed(matcher.mask()).filter((id) => id !== STOP)
          const id = ids[Math.floor(random() * ids.length)]
          if (id === undefined) break
          path.push(id)
          matcher.accept(id)
        }
        const mask = matcher.mask()
        const again = (): GrammarMatcher => {
          const fresh = grammars.follow(grammar, [STOP])
          for (const id of path) fresh.accept(id)
          return fresh
        }
        for (const [id, bytes] of smallVocabulary.entries()) {
          if (id === STOP || bytes.length === 0) continue
          const fresh = again()
          let fits = true
          for (const byte of bytes) {
            const single = fresh.mask()
            fits &&= single !== null && has(single, 2 + byte)
            if (fits) fresh.accept(2 + byte)
          }
          expect(mask !== null && has(mask, id), `token ${JSON.stringify(Buffer.from(bytes).toString())}`).toBe(fits)
        }
      }),
      { numRuns: 15 },
    )
  })

  it.each<[string, JsonShape, string, string]>([
    ['text after the end', { kind: 'object', properties: [], additional: null }, '{}', '{} '],
    [
      'a trailing comma',
      { kind: 'array', items: { kind: 'integer' }, minItems: 0, maxItems: null },
      '[1,\n  2]',
      '[1,]',
    ],
    ['too few items', { kind: 'array', items: { kind: 'any' }, minItems: 2, maxItems: null }, '[[], {}, null]', '[1]'],
    [
      'too many items',
      { kind: 'array', items: { kind: 'string' }, minItems: 0, maxItems: 2 },
      '["a", "b"]',
      '["a","b",',
    ],
    [
      'any item where none is allowed',
      { kind: 'array', items: { kind: 'string' }, minItems: 0, maxItems: 0 },
      '[ ]',
      '["',
    ],
    ['a number with a leading zero', { kind: 'number' }, '-0.5e-12', '01'],
    ['a number that would be infinite', { kind: 'number' }, '1E99', '1E999'],
    ['a fraction as an integer', { kind: 'integer' }, '-120', '1.'],
    ['an integer beyond exactness', { kind: 'integer' }, '999999999999999', '9999999999999999'],
    ['a control character in a string', { kind: 'string' }, '"\\t\u{7f}é🎁"', '"\t'],
    ['half a surrogate pair', { kind: 'string' }, '"\\uD83c\\udF81\\u0041"', '"\\ud83c"'],
    ['the second half alone', { kind: 'string' }, '"\\uD7ff"', '"\\udc00'],
    ['blanks without end', { kind: 'any' }, `[\n${' '.repeat(20)}1]`, `[\n${' '.repeat(21)}`],
    ['a value that begins like another', { kind: 'literals', texts: ['"open"', '"opened"'] }, '"opened"', '"opene"'],
    [
      'an unknown property',
      {
        kind: 'object',
        properties: [
          { name: 'a', shape: { kind: 'any' }, required: false },
          { name: '订单', shape: { kind: 'any' }, required: false },
        ],
        additional: null,
      },
      '{"订单": [1, {"x": 2}]}',
      '{"b',
    ],
    [
      'a property out of its order',
      {
        kind: 'object',
        properties: [
          { name: 'a', shape: { kind: 'integer' }, required: true },
          { name: 'b', shape: { kind: 'integer' }, required: true },
        ],
        additional: null,
      },
      '{"a":1,"b":2}',
      '{"b"',
    ],
    [
      'an end before what is required',
      {
        kind: 'object',
        properties: [
          { name: 'a', shape: { kind: 'integer' }, required: false },
          { name: 'b', shape: { kind: 'integer' }, required: true },
        ],
        additional: null,
      },
      '{"b": 2}',
      '{"a":1}',
    ],
    [
      'a known property among others',
      {
        kind: 'object',
        properties: [{ name: 'ab', shape: { kind: 'integer' }, required: false }],
        additional: { kind: 'string' },
      },
      '{"abc": "x", "a": "y", "退": ""}',
      '{"a": "y", "ab"',
    ],
    [
      'a known property spelled with an escape',
      {
        kind: 'object',
        properties: [{ name: 'a', shape: { kind: 'integer' }, required: false }],
        additional: { kind: 'string' },
      },
      '{"a": 1, "c": ""}',
      '{"\\',
    ],
  ])('refuses %s', (_, shape, good, bad) => {
    expect(takes(json(shape), good)).toBe('whole')
    expect(takes(json(shape), bad)).toBe('refused')
  })

  it('follows recursive shapes', () => {
    const tree = json(
      { kind: 'reference', name: 'tree' },
      {
        tree: {
          kind: 'object',
          properties: [
            { name: 'value', shape: { kind: 'integer' }, required: true },
            {
              name: 'next',
              shape: {
                kind: 'anyOf',
                options: [
                  { kind: 'reference', name: 'tree' },
                  { kind: 'literals', texts: ['null'] },
                ],
              },
              required: true,
            },
          ],
          additional: null,
        },
      },
    )
    expect(takes(tree, '{"value": 1, "next": {"value": 2, "next": null}}')).toBe('whole')
    expect(takes(tree, '{"value": 1, "next": {"value": 2, "next": null}')).toBe('begins')
    expect(takes(tree, '{"value": 1, "next": {"value": 2}')).toBe('refused')
  })

  it('stays small when alternatives cannot be distinguished', () => {
    const list = (minItems: number): JsonShape => ({
      kind: 'array',
      items: { kind: 'reference', name: 'list' },
      minItems,
      maxItems: null,
    })
    const grammar = json(
      { kind: 'reference', name: 'list' },
      { list: { kind: 'anyOf', options: [list(0), list(0), list(0)] } },
    )
    expect(takes(grammar, '['.repeat(60) + ']'.repeat(60))).toBe('whole')
  })

  it('allows only stop ids at the end, no special token before it, and no id the model lacks', () => {
    const matcher = grammars.follow(json({ kind: 'literals', texts: ['"a"', '1', '12'] }), [STOP, 2 + 0x32])
    expect(allowed(matcher.mask())).not.toContain(0)
    expect(allowed(matcher.mask())).not.toContain(STOP)
    matcher.accept(2 + 0x31)
    // The second stop id is the text "2": it can end the reply but no longer be part of it.
    expect(allowed(matcher.mask())).toEqual([STOP, 2 + 0x32])
    expect(matcher.finished).toBe(false)
    expect(() => matcher.accept(2 + 0x33)).toThrow(TypeError)
  })

  it('refuses a truncated table and a reference to an unknown definition', () => {
    expect(() => new Grammars(Uint8Array.of(3, 1), 4)).toThrow('cut off')
    expect(() => grammars.follow(json({ kind: 'reference', name: 'toString' }), [])).toThrow('does not define')
  })
})

describe('a grammar of parts', () => {
  const call = (name: string): Grammar['root'] => ({
    kind: 'sequence',
    parts: [
      { kind: 'text', text: `{"name": "${name}", "arguments": ` },
      { kind: 'json', shape: { kind: 'object', properties: [], additional: { kind: 'any' } } },
      { kind: 'text', text: '}' },
    ],
  })
  const calls: Grammar['root'] = {
    kind: 'sequence',
    parts: [
      { kind: 'text', text: '<tool_call>\n' },
      { kind: 'choice', options: [call('open'), call('opened')] },
      { kind: 'text', text: '\n</tool_call>' },
    ],
  }
  const optional: Grammar = {
    definitions: {},
    root: { kind: 'choice', options: [calls, { kind: 'free', unless: '<tool_call>' }] },
  }

  it('keeps a choice to its options', () => {
    const grammar: Grammar = { definitions: {}, root: calls }
    expect(takes(grammar, '<tool_call>\n{"name": "opened", "arguments": {"a": [1]}}\n</tool_call>')).toBe('whole')
    expect(takes(grammar, '<tool_call>\n{"name": "opening')).toBe('refused')
  })

  it('allows everything unless the text starts with a call', () => {
    for (const text of ['', 'Hello <tool_call>', '<tool', '<tools>', '{"name": 1}', '退款'])
      expect(takes(optional, text)).toBe('whole')
    expect(takes(optional, '<tool_call>')).toBe('begins')
    expect(takes(optional, '<tool_call>x')).toBe('refused')
    const matcher = grammars.follow(optional, [STOP])
    const first = allowed(matcher.mask())
    const idOf = (text: string): number => smallVocabulary.findIndex((bytes) => Buffer.from(bytes).toString() === text)
    // All ids except those without text or token, and those that start a call and do not fit.
    expect(first.length).toBe(smallVocabulary.length - 1)
    matcher.accept(idOf('<tool'))
    expect(matcher.free).toBe(false)
    matcher.accept(idOf('hello'))
    expect(matcher.free).toBe(true)
    expect(matcher.mask()).toBeNull()
  })

  it('refuses tokens that cross the opening and do not fit', () => {
    const withBad = [
      ...smallVocabulary,
      ...['<tool_call>\n[', '<tool_call>!', '<tool_calm'].map((text) => new TextEncoder().encode(text)),
    ]
    const own = new Grammars(pack(withBad), withBad.length)
    const mask = own.follow(optional, [STOP]).mask()
    expect([0, 1, 2].map((at) => mask !== null && has(mask, smallVocabulary.length + at))).toEqual([false, false, true])
  })
})
