import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { SwitchboardError } from '../../../shared/errors/switchboard-error.ts'
import { memoryByteSource, safetensorsBytes } from './memory-byte-source.ts'
import { MAX_HEADER_BYTES, readSafetensorsHeader } from './safetensors-header.ts'

const read = (bytes: Uint8Array) => readSafetensorsHeader(memoryByteSource('model.safetensors', bytes))
const entry = (dtype: string, shape: readonly number[], begin: number, end: number) =>
  JSON.stringify({ dtype, shape, data_offsets: [begin, end] })

/** The rule a file breaks, or what went wrong instead. */
async function brokenRule(bytes: Uint8Array): Promise<unknown> {
  try {
    return { accepted: await read(bytes) }
  } catch (failure) {
    return failure instanceof SwitchboardError && failure.code === 'invalid_safetensors'
      ? failure.details?.['rule']
      : failure
  }
}

function lengthOnly(length: bigint, rest = 0): Uint8Array {
  const bytes = new Uint8Array(8 + rest)
  new DataView(bytes.buffer).setBigUint64(0, length, true)
  return bytes
}

describe('accepts', () => {
  test('tensors in any order of the header, metadata, padding and empty tensors', async () => {
    const header = `{"b":${entry('F16', [2, 2], 4, 12)}, "__metadata__" : {"format":"pt","x":"\\u00e9\\""},\n "a":${entry('F32', [], 0, 4)},"none":${entry('BF16', [0, 3], 12, 12)}}    `
    const start = 8 + new TextEncoder().encode(header).byteLength
    expect(await read(safetensorsBytes(header, new Uint8Array(12)))).toEqual([
      { name: 'a', type: 'F32', shape: [], position: start, byteLength: 4 },
      { name: 'b', type: 'F16', shape: [2, 2], position: start + 4, byteLength: 8 },
      { name: 'none', type: 'BF16', shape: [0, 3], position: start + 12, byteLength: 0 },
    ])
  })
})

describe('refuses', () => {
  const f32 = (name: string, begin: number, end: number, count = (end - begin) / 4) =>
    `"${name}":${entry('F32', [count], begin, end)}`
  const cases: readonly (readonly [string, Uint8Array, string])[] = [
    ['an empty file', new Uint8Array(0), 'length'],
    ['four bytes', new Uint8Array(4), 'length'],
    ['a header of 2^63 bytes', lengthOnly(1n << 63n), 'header_size'],
    ['a header of 100 MB without data', lengthOnly(100_000_000n, 16), 'header_size'],
    ['a header longer than the file', lengthOnly(1000n, 16), 'header_size'],
    [
      'a header of one byte more than allowed',
      lengthOnly(BigInt(MAX_HEADER_BYTES) + 1n, MAX_HEADER_BYTES + 1),
      'header_size',
    ],
    ['an empty header', safetensorsBytes(''), 'json'],
    ['200 thousand opening brackets', safetensorsBytes('['.repeat(200_000)), 'json'],
    ['200 thousand opening brackets inside a tensor', safetensorsBytes(`{"a":{"shape":${'['.repeat(200_000)}`), 'json'],
    [
      'a hundred thousand arrays inside one another',
      safetensorsBytes(`{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`),
      'json',
    ],
    ['nested objects', safetensorsBytes('{"a":'.repeat(100_000)), 'json'],
    ['no object', safetensorsBytes('[]'), 'json'],
    ['something after the object', safetensorsBytes('{} x'), 'json'],
    ['space before the object', safetensorsBytes(' {}'), 'json'],
    ['a header cut in half', safetensorsBytes('{"a":{"dtype":"F32","sha'), 'json'],
    ['a string without end', safetensorsBytes('{"a'), 'json'],
    [
      'an escape that JSON does not have',
      safetensorsBytes(`{"\\q":${entry('F32', [1], 0, 4)}}`, new Uint8Array(4)),
      'json',
    ],
    ['invalid UTF-8', safetensorsBytes(Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x7d)), 'utf8'],
    [
      'an unknown field',
      safetensorsBytes('{"a":{"dtype":"F32","shape":[],"data_offsets":[0,4],"x":1}}', new Uint8Array(4)),
      'json',
    ],
    ['a missing field', safetensorsBytes('{"a":{"dtype":"F32","shape":[]}}'), 'json'],
    [
      'three offsets',
      safetensorsBytes('{"a":{"dtype":"F32","shape":[],"data_offsets":[0,4,8]}}', new Uint8Array(4)),
      'json',
    ],
    [
      'a negative extent',
      safetensorsBytes('{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}', new Uint8Array(4)),
      'json',
    ],
    [
      'a fraction',
      safetensorsBytes('{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}', new Uint8Array(4)),
      'json',
    ],
    [
      'a leading zero',
      safetensorsBytes('{"a":{"dtype":"F32","shape":[01],"data_offsets":[0,4]}}', new Uint8Array(4)),
      'json',
    ],
    [
      'an offset beyond exact integers',
      safetensorsBytes('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,9007199254740993]}}', new Uint8Array(4)),
      'json',
    ],
    [
      'a shape that overflows',
      safetensorsBytes(`{"a":${entry('F32', [2 ** 40, 2 ** 40], 0, 4)}}`, new Uint8Array(4)),
      'shape',
    ],
    [
      'nine dimensions',
      safetensorsBytes(`{"a":${entry('F32', [1, 1, 1, 1, 1, 1, 1, 1, 1], 0, 4)}}`, new Uint8Array(4)),
      'shape',
    ],
    ['metadata that is no text', safetensorsBytes('{"__metadata__":{"a":1}}'), 'json'],
    ['a tensor twice', safetensorsBytes(`{${f32('a', 0, 4)},${f32('a', 4, 8)}}`, new Uint8Array(8)), 'hole'],
    [
      'a tensor twice, once escaped',
      safetensorsBytes(`{${f32('a', 0, 4)},${f32('\\u0061', 4, 8)}}`, new Uint8Array(8)),
      'hole',
    ],
    ['an unknown type', safetensorsBytes(`{"a":${entry('F128', [1], 0, 16)}}`, new Uint8Array(16)), 'dtype'],
    [
      'a type named like an inherited property',
      safetensorsBytes(`{"a":${entry('constructor', [1], 0, 4)}}`, new Uint8Array(4)),
      'dtype',
    ],
    [
      'bytes that do not fit type and shape',
      safetensorsBytes(`{"a":${entry('F32', [2], 0, 4)}}`, new Uint8Array(4)),
      'size',
    ],
    ['reversed offsets', safetensorsBytes(`{"a":${entry('F32', [1], 4, 0)}}`, new Uint8Array(4)), 'size'],
    ['an overlap', safetensorsBytes(`{${f32('a', 0, 8)},${f32('b', 4, 12)}}`, new Uint8Array(12)), 'overlap'],
    ['a hole', safetensorsBytes(`{${f32('a', 0, 4)},${f32('b', 8, 12)}}`, new Uint8Array(12)), 'hole'],
    ['a hole at the start', safetensorsBytes(`{${f32('a', 4, 8)}}`, new Uint8Array(8)), 'hole'],
    ['trailing bytes', safetensorsBytes(`{${f32('a', 0, 4)}}`, new Uint8Array(5)), 'file_size'],
    ['a file that ends early', safetensorsBytes(`{${f32('a', 0, 4)}}`, new Uint8Array(3)), 'file_size'],
    ['an empty name', safetensorsBytes(`{${f32('', 0, 4)}}`, new Uint8Array(4)), 'name'],
    [
      'a million names',
      safetensorsBytes(
        `{${Array.from({ length: 100_000 }, (_, index) => `"t${index}":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}`).join(',')}}`,
      ),
      'tensor_count',
    ],
  ]
  test.each(cases)('%s', async (_, bytes, rule) => {
    expect(await brokenRule(bytes)).toBe(rule)
  })
})

test('whatever the bytes are, the header is read or refused, never anything else', async () => {
  const valid = safetensorsBytes(
    `{"a":${entry('F32', [2], 0, 8)},"b":${entry('F16', [2, 1], 8, 12)},"__metadata__":{"format":"pt"}}`,
    new Uint8Array(12),
  )
  const mutation = fc.record({ at: fc.nat(valid.byteLength - 1), value: fc.nat(255) })
  const mutated = fc.array(mutation, { minLength: 1, maxLength: 6 }).map((changes) => {
    const bytes = valid.slice()
    for (const { at, value } of changes) bytes[at] = value
    return bytes
  })
  const token = fc.constantFrom(
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"a"',
    '"dtype"',
    '"shape"',
    '"data_offsets"',
    '"F32"',
    '0',
    '4',
    '-1',
    '1e9',
    '"__metadata__"',
    '\\',
    '"',
    ' ',
    '\u0000',
    '字',
  )
  const grammar = fc
    .array(token, { maxLength: 40 })
    .map((tokens) => safetensorsBytes(`{${tokens.join('')}`, new Uint8Array(4)))
  const anything = fc.uint8Array({ maxLength: 64 })
  await fc.assert(
    fc.asyncProperty(fc.oneof(mutated, grammar, anything), async (bytes) => {
      const outcome = await brokenRule(bytes)
      expect(
        typeof outcome === 'string' || (typeof outcome === 'object' && outcome !== null && 'accepted' in outcome),
      ).toBe(true)
    }),
    { numRuns: 5000 },
  )
})
