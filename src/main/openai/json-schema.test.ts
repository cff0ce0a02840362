import { describe, expect, it } from 'vitest'
import { parseJsonSchema, type SchemaOptions } from './json-schema.ts'
import { SchemaFault } from './schema-fault.ts'

function fault(schema: unknown, options?: SchemaOptions): string {
  try {
    parseJsonSchema(schema, options)
  } catch (thrown) {
    if (thrown instanceof SchemaFault) return `${thrown.path}: ${thrown.message}`
    throw thrown
  }
  return 'accepted'
}
const string = { kind: 'string' } as const
const nothing = { kind: 'literals', texts: ['null'] } as const

describe('parseJsonSchema', () => {
  it('reads an object as a schema generator writes it', () => {
    const schema = {
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      title: 'Order',
      type: 'object',
      additionalProperties: false,
      required: ['订单', 'state'],
      properties: {
        订单: { type: 'string', description: 'Number', format: 'email', default: '' },
        state: { enum: ['open', 'closed', null, 1, 'open'], type: ['string', 'null'] },
        lines: { type: 'array', items: { $ref: '#/$defs/Line' }, minItems: 1, maxItems: 3 },
        note: { anyOf: [{ type: 'string' }, { type: 'null' }] },
        paid: { const: true },
      },
      $defs: {
        Line: {
          type: 'object',
          properties: { count: { type: 'integer' }, parent: { anyOf: [{ $ref: '#/$defs/Line' }, { type: 'null' }] } },
          required: ['count', 'parent'],
          additionalProperties: { type: 'number' },
        },
        Unused: { pattern: 'x' },
      },
    }
    expect(parseJsonSchema(schema, { prefix: 'p:' })).toEqual({
      shape: {
        kind: 'object',
        additional: null,
        properties: [
          { name: '订单', required: true, shape: string },
          { name: 'state', required: true, shape: { kind: 'literals', texts: ['"open"', '"closed"', 'null'] } },
          {
            name: 'lines',
            required: false,
            shape: { kind: 'array', items: { kind: 'reference', name: 'p:#/$defs/Line' }, minItems: 1, maxItems: 3 },
          },
          { name: 'note', required: false, shape: { kind: 'anyOf', options: [string, nothing] } },
          { name: 'paid', required: false, shape: { kind: 'literals', texts: ['true'] } },
        ],
      },
      definitions: {
        'p:#/$defs/Line': {
          kind: 'object',
          additional: { kind: 'number' },
          properties: [
            { name: 'count', required: true, shape: { kind: 'integer' } },
            {
              name: 'parent',
              required: true,
              shape: { kind: 'anyOf', options: [{ kind: 'reference', name: 'p:#/$defs/Line' }, nothing] },
            },
          ],
        },
      },
    })
  })

  it('takes what is left unsaid as JSON Schema does, but closes objects that name their properties', () => {
    expect(parseJsonSchema({}).shape).toEqual({ kind: 'any' })
    expect(parseJsonSchema({ type: 'object' }).shape).toEqual({
      kind: 'object',
      properties: [],
      additional: { kind: 'any' },
    })
    expect(parseJsonSchema({ type: 'object', properties: {} }).shape).toEqual({
      kind: 'object',
      properties: [],
      additional: null,
    })
    expect(parseJsonSchema({ properties: { a: true }, additionalProperties: true }).shape).toEqual({
      kind: 'object',
      properties: [{ name: 'a', shape: { kind: 'any' }, required: false }],
      additional: { kind: 'any' },
    })
    expect(
      parseJsonSchema({ type: 'integer', minimum: -9_007_199_254_740_991, maximum: 9_007_199_254_740_991 }).shape,
    ).toEqual({ kind: 'integer' })
    expect(parseJsonSchema({ items: { type: ['boolean'] } }).shape).toEqual({
      kind: 'array',
      items: { kind: 'literals', texts: ['true', 'false'] },
      minItems: 0,
      maxItems: null,
    })
  })

  it.each<[unknown, string]>([
    [
      { type: 'object', properties: { a: { type: 'string', pattern: 'x' } } },
      'properties.a: the keyword "pattern" is not supported here',
    ],
    [{ type: 'array', items: { type: 'integer', minimum: 1 } }, 'items: the keyword "minimum" is not supported here'],
    [{ oneOf: [{}] }, ': the keyword "oneOf" is not supported'],
    [{ type: 'string', properties: {} }, ': the keyword "properties" is not supported here'],
    [{ anyOf: [{ type: 'string' }], properties: {} }, ': the keyword "properties" is not supported here'],
    [{ anyOf: [{ type: 'string' }, { not: {} }] }, 'anyOf[1]: the keyword "not" is not supported'],
    [{ anyOf: [] }, 'anyOf: expected a list of schemas'],
    [{ type: 'toString' }, 'type: expected one of object, array, string, number, integer, boolean, null'],
    [{ enum: ['a'], type: 'number' }, 'enum: holds no value of the type'],
    [{ properties: { a: false } }, 'properties.a: expected a schema (an object)'],
    [{ items: [{}] }, 'items: expected a schema (an object)'],
    [{ enum: [] }, 'enum: holds no value of the type'],
    [{ properties: { a: {} }, required: ['b'] }, 'required: names "b", which is not in properties'],
    [{ type: 'array', minItems: 3, maxItems: 2 }, 'maxItems: is less than minItems'],
    [{ $ref: '#/$defs/none' }, '$ref: "#/$defs/none" is not defined'],
    [{ $ref: '#/$defs/__proto__', $defs: {} }, '$ref: "#/$defs/__proto__" is not defined'],
    [{ $ref: '#/$defs/%ff', $defs: { '%ff': {} } }, '$ref: "#/$defs/%ff" is not defined'],
    [
      { anyOf: [{ type: 'array', maxItems: 2000 }, { minItems: 1 }] },
      ': counts more than 2000 items in minItems and maxItems',
    ],
    [{ type: 'integer', minimum: 0, maximum: 9_007_199_254_740_991 }, ': the keyword "minimum" is not supported here'],
    [{ $ref: '#/properties/a' }, '$ref: expected #, #/$defs/NAME or #/definitions/NAME'],
    [
      {
        $ref: '#/$defs/a',
        $defs: { a: { anyOf: [{ type: 'null' }, { $ref: '#/$defs/b' }] }, b: { $ref: '#/$defs/a' } },
      },
      '$defs.a: refers to itself and to nothing else',
    ],
    [
      { type: 'object', properties: { a: { $ref: '#' } }, required: ['a'] },
      ': no value is ever complete, because each contains another one of its kind',
    ],
    [
      {
        type: 'object',
        properties: { a: { $ref: '#/$defs/x' } },
        $defs: { x: { type: 'array', minItems: 1, items: { $ref: '#/$defs/x' } } },
      },
      '$defs.x: no value is ever complete, because each contains another one of its kind',
    ],
    [
      {
        type: 'object',
        properties: { a: { anyOf: Array.from({ length: 60 }, (_, at) => ({ type: 'array', maxItems: at })) } },
      },
      ': offers more than 60 alternatives at one position',
    ],
    [{ enum: Array.from({ length: 2001 }, (_, at) => at) }, ': has more than 2000 values in enum and const'],
    [
      { properties: Object.fromEntries(Array.from({ length: 2001 }, (_, at) => [`p${at}`, {}])) },
      ': has more than 2000 properties',
    ],
    [{ description: 'x'.repeat(70_000) }, ': has more than 65536 characters'],
    [
      Array.from({ length: 40 }).reduce<object>((inner) => ({ items: inner }), {}),
      `${'items.'.repeat(33).slice(0, -1)}: is nested deeper than 32 levels`,
    ],
  ])('refuses %j', (schema, message) => {
    expect(fault(schema)).toBe(message)
  })

  it('leaves out what it does not know where it may, and nothing else', () => {
    expect(parseJsonSchema({ type: 'string', pattern: 'x', minLength: 2 }, { lenient: true }).shape).toEqual(string)
    expect(fault({ $ref: '#/$defs/none', minLength: 1 }, { lenient: true })).toBe('$ref: "#/$defs/none" is not defined')
  })

  it('follows as far as it can what no value fits, or an older draft has', () => {
    const shapeOf = (schema: unknown): unknown => parseJsonSchema(schema, { lenient: true }).shape
    const anything = { kind: 'any' }
    const odd: readonly unknown[] = [
      false,
      { type: 'array', minItems: 3, maxItems: 2 },
      { enum: ['a'], type: 'number' },
      { $ref: '#/properties/a' },
      { enum: [] },
    ]
    for (const schema of odd)
      expect(shapeOf({ properties: { a: schema }, required: ['a', 'gone'] }), JSON.stringify(schema)).toEqual({
        kind: 'object',
        properties: [{ name: 'a', shape: anything, required: true }],
        additional: null,
      })
    expect(shapeOf({ type: 'array', maxItems: 100_000 })).toEqual({
      kind: 'array',
      items: anything,
      minItems: 0,
      maxItems: null,
    })
    expect(shapeOf({ type: 'array', items: [] })).toEqual({
      kind: 'array',
      items: anything,
      minItems: 0,
      maxItems: null,
    })
    expect(shapeOf({ type: 'array', items: [{ type: 'string' }, { type: 'integer' }] })).toEqual({
      kind: 'array',
      items: anything,
      minItems: 0,
      maxItems: null,
    })
  })

  it('takes plain values together, and the alternatives of one position', () => {
    expect(
      parseJsonSchema({ anyOf: [{ const: 1 }, { type: 'string' }, { enum: ['a', 1] }, { type: ['null', 'boolean'] }] })
        .shape,
    ).toEqual({ kind: 'anyOf', options: [string, { kind: 'literals', texts: ['1', '"a"', 'null', 'true', 'false'] }] })
    expect(parseJsonSchema({ anyOf: Array.from({ length: 500 }, (_, at) => ({ const: at })) }).shape).toMatchObject({
      kind: 'literals',
    })
  })

  it('accepts a definition that contains itself and can end', () => {
    expect(
      fault({
        $ref: '#/definitions/a~1b',
        definitions: { 'a/b': { type: 'array', items: { $ref: '#/definitions/a~1b' } } },
      }),
    ).toBe('accepted')
  })
})
