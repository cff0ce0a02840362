import fc from 'fast-check'
import { expect, test } from 'vitest'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import { MAX_DEPTH, MAX_KEYS, MAX_PARTS, MAX_VALUES, parseStrictJson } from './strict-json.ts'

const parse = (text: string) => parseStrictJson(Buffer.from(text))
const codeOf = (text: string) => {
  try {
    parse(text)
    return 'parsed'
  } catch (thrown) {
    return thrown instanceof SwitchboardError ? thrown.code : 'another error'
  }
}

/** What JSON.parse makes of a text, or that it refuses it. */
const reference = (text: string): { readonly value: unknown } | null => {
  try {
    return { value: JSON.parse(text) as unknown }
  } catch {
    return null
  }
}

const plain = fc
  .jsonValue({ maxDepth: 8, stringUnit: 'grapheme' })
  .filter((value) => !JSON.stringify(value).includes('"__proto__"'))

test('any plain value comes back as it went in, with any spacing', () => {
  fc.assert(
    fc.property(plain, fc.constantFrom(undefined, 1, '\t', '\n '), (value, space) => {
      expect(parse(JSON.stringify(value, null, space))).toEqual(JSON.parse(JSON.stringify(value)))
    }),
    { numRuns: 300 },
  )
})

test('it accepts nothing that JSON.parse refuses, and changes nothing it accepts', () => {
  const pieces = fc.constantFrom(
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"a"',
    '"b"',
    '"',
    '\\',
    '\\"',
    '1',
    'null',
    ' ',
    '"\\u0061"',
    '"__proto__"',
  )
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 12 }), (parts) => {
      const text = parts.join('')
      const expected = reference(text)
      const code = codeOf(text)
      if (expected === null) expect(code).toBe('invalid_json')
      else if (code === 'parsed') expect(parse(text)).toEqual(expected.value)
      else expect(text).toMatch(/"(a|b|\\u0061|__proto__)".*:/)
    }),
    { numRuns: 3000 },
  )
})

test('the same key twice is refused however it is written, in its own object only', () => {
  expect(
    ['{"a":1,"a":2}', '{"a":1,"\\u0061":2}', '{"x":{"a":1,"b":[{"c":1,"c":2}]}}', '{"":1,"":2}'].map(codeOf),
  ).toEqual(Array(4).fill('invalid_json'))
  expect(
    ['{"a":1,"b":{"a":2}}', '[{"a":1},{"a":2}]', '{"a":"a","b":"a"}', '{"a":"\\"a\\":1,\\"a\\":2"}'].map(codeOf),
  ).toEqual(Array(4).fill('parsed'))
})

test('depth is counted over objects and arrays, not inside texts', () => {
  const nested = (depth: number) => `${'{"a":['.repeat(depth / 2)}${']}'.repeat(depth / 2)}`
  expect(
    [nested(MAX_DEPTH), nested(MAX_DEPTH + 2), `"${'['.repeat(100)}"`, `[${'[],'.repeat(100)}1]`].map(codeOf),
  ).toEqual(['parsed', 'too_deep', 'parsed', 'parsed'])
})

test('keys of one object are counted', () => {
  const keyed = (count: number) =>
    JSON.stringify(Object.fromEntries(Array.from({ length: count }, (_, at) => [`k${at}`, at])))
  expect([MAX_KEYS, MAX_KEYS + 1].map((count) => codeOf(keyed(count)))).toEqual(['parsed', 'invalid_request'])
})

test('objects, arrays and keys together, and values, are counted', () => {
  const list = (item: string, count: number) => `[${Array(count).fill(item).join(',')}]`
  expect([list('[]', MAX_PARTS - 1), list('[]', MAX_PARTS)].map(codeOf)).toEqual(['parsed', 'invalid_request'])
  expect(codeOf(list('{"a":1}', MAX_PARTS / 2))).toBe('invalid_request')
  expect([list('1', MAX_VALUES + 1), list('1', MAX_VALUES + 2)].map(codeOf)).toEqual(['parsed', 'invalid_request'])
})

test('prototype is an ordinary key anywhere but under constructor', () => {
  expect(
    [
      '{"prototype":1}',
      '{"constructor":1}',
      '{"constructor":{"x":{"prototype":1}}}',
      '{"constructor":{"prototype":1}}',
      '{"constructor":[{"prototype":1}]}',
    ].map(codeOf),
  ).toEqual(['parsed', 'parsed', 'parsed', 'invalid_json', 'parsed'])
})

test('bytes that are not UTF-8 are refused, a byte order mark is not', () => {
  expect(() => parseStrictJson(Uint8Array.of(0x22, 0xff, 0x22))).toThrow(
    expect.objectContaining({ code: 'invalid_json' }),
  )
  expect(parseStrictJson(Uint8Array.of(0xef, 0xbb, 0xbf, 0x31))).toBe(1)
})
