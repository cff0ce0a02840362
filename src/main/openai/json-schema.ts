import { isRecord } from '../../shared/base/is-record.ts'
import type { JsonDefinitions, JsonProperty, JsonShape } from '../../shared/domain/grammar.ts'
import { SchemaFault } from './schema-fault.ts'
import { checkShapes } from './shape-checks.ts'

/** A JSON Schema as shapes that a grammar can follow. */
export interface ParsedSchema {
  readonly shape: JsonShape
  readonly definitions: JsonDefinitions
}

/** Characters of the schema as JSON text. */
const MAX_SCHEMA_CHARACTERS = 65_536
const MAX_DEPTH = 32
const MAX_PROPERTIES = 2000
const MAX_VALUES = 2000
/** Total over all arrays, because bounded arrays are unrolled item by item. */
const MAX_ITEMS = 2000
/** Largest magnitude of an integer in a reply (domain/grammar.ts). */
const MAX_INTEGER = 999_999_999_999_999

/** Keywords that do not restrict the values. `format` is not enforced. */
const annotations = new Set([
  'title',
  'description',
  'default',
  'examples',
  'deprecated',
  'readOnly',
  'writeOnly',
  '$schema',
  '$id',
  '$comment',
  'format',
  '$defs',
  'definitions',
  'strict',
])
const keywordsOf = {
  object: ['properties', 'required', 'additionalProperties'],
  array: ['items', 'minItems', 'maxItems'],
  string: [],
  number: [],
  integer: [],
  boolean: [],
  null: [],
} as const satisfies Record<string, readonly string[]>
type TypeName = keyof typeof keywordsOf

/** Counts against the limits, shared by all schemas of one request. */
export class SchemaBudget {
  properties = 0
  values = 0
  items = 0
}

export interface SchemaOptions {
  /** Prefix of the names of definitions, so that several schemas fit into one grammar. */
  readonly prefix?: string
  /** Ignores keywords that are not supported or that no value can satisfy, instead of refusing them. */
  readonly lenient?: boolean
  readonly budget?: SchemaBudget
}

const anything = { kind: 'any' } as const

type Fields = Readonly<Record<string, unknown>>

/**
 * Reads the supported part of JSON Schema 2020-12: type, properties, required, additionalProperties (absent: none),
 * items, minItems, maxItems, enum, const, anyOf, and $ref into $defs, definitions or the root. Bounds of integers are
 * accepted if they include every integer a reply can hold; zod writes such bounds.
 * @throws SchemaFault for any other keyword, for a schema that is too large, and for one that no value satisfies.
 */
export function parseJsonSchema(schema: unknown, options: SchemaOptions = {}): ParsedSchema {
  if (JSON.stringify(schema).length > MAX_SCHEMA_CHARACTERS)
    throw new SchemaFault('', `has more than ${MAX_SCHEMA_CHARACTERS} characters`)
  const reader = new SchemaReader(schema, options)
  const parsed = reader.read()
  checkShapes(parsed, reader.pathOf)
  return parsed
}

class SchemaReader {
  readonly #root: unknown
  readonly #prefix: string
  readonly #lenient: boolean
  readonly #definitions: Record<string, JsonShape> = Object.create(null) as Record<string, JsonShape>
  readonly #pending: { readonly pointer: string; readonly path: string }[] = []
  readonly #seen = new Set<string>()
  readonly #budget: SchemaBudget

  constructor(root: unknown, { prefix = '', lenient = false, budget = new SchemaBudget() }: SchemaOptions) {
    this.#budget = budget
    this.#root = root
    this.#prefix = prefix
    this.#lenient = lenient
  }

  /** Path of a definition in the schema. */
  readonly pathOf = (name: string): string => name.slice(this.#prefix.length).replace(/^#\/?/u, '').replaceAll('/', '.')

  read(): ParsedSchema {
    const shape = this.#shape(this.#root, '', 0)
    for (let next = this.#pending.pop(); next !== undefined; next = this.#pending.pop()) {
      const name = this.#prefix + next.pointer
      this.#definitions[name] = this.#shape(this.#target(next.pointer, next.path), this.pathOf(name), 0)
    }
    return { shape, definitions: { ...this.#definitions } }
  }

  #shape(schema: unknown, path: string, depth: number): JsonShape {
    if (depth > MAX_DEPTH) throw new SchemaFault(path, `is nested deeper than ${MAX_DEPTH} levels`)
    if (schema === true) return anything
    // `false`, which no value satisfies, and the list of schemas that older drafts allow for `items`
    if (schema === false || Array.isArray(schema)) return this.#lenientAny(path, 'expected a schema (an object)')
    if (!isRecord(schema)) throw new SchemaFault(path, 'expected a schema (an object)')
    const used = Object.keys(schema).filter(
      (key) =>
        schema[key] !== undefined &&
        !annotations.has(key) &&
        !(schema['type'] === 'integer' && isWideBound(key, schema[key])),
    )
    if (used.includes('$ref')) return this.#reference(schema, used, path)
    if (used.includes('anyOf')) {
      this.#refuseOthers(used, ['anyOf', 'type'], path)
      const options = schema['anyOf']
      if (!Array.isArray(options) || options.length === 0)
        throw new SchemaFault(at(path, 'anyOf'), 'expected a list of schemas')
      return oneOf(
        options.map((option: unknown, index) => this.#shape(option, `${at(path, 'anyOf')}[${index}]`, depth + 1)),
      )
    }
    const types = this.#types(schema, used, path)
    if (used.includes('const') || used.includes('enum')) return this.#literals(schema, used, types, path)
    if (types === null) {
      this.#refuseOthers(used, [], path)
      return anything
    }
    this.#refuseOthers(used, ['type', ...types.flatMap((type) => keywordsOf[type])], path)
    return oneOf(types.map((type) => this.#typed(type, schema, path, depth)))
  }

  /** Any value in lenient mode. @throws SchemaFault otherwise. */
  #lenientAny(path: string, fault: string): JsonShape {
    if (!this.#lenient) throw new SchemaFault(path, fault)
    return anything
  }

  #refuseOthers(used: readonly string[], known: readonly string[], path: string): void {
    const foreign = this.#lenient ? undefined : used.find((key) => !known.includes(key))
    if (foreign !== undefined)
      throw new SchemaFault(
        path,
        `the keyword ${JSON.stringify(foreign.slice(0, 60))} is not supported${known.length > 0 ? ' here' : ''}`,
      )
  }

  /** The types of a schema, inferred from its keywords where `type` is absent; null for any. */
  #types(schema: Fields, used: readonly string[], path: string): readonly TypeName[] | null {
    const { type } = schema
    if (type === undefined) {
      if (used.some((key) => (keywordsOf.object as readonly string[]).includes(key))) return ['object']
      return used.some((key) => (keywordsOf.array as readonly string[]).includes(key)) ? ['array'] : null
    }
    const named: readonly unknown[] = Array.isArray(type) ? type : [type]
    if (named.length === 0) throw new SchemaFault(at(path, 'type'), 'expected a type')
    return named.map((name) => {
      if (typeof name !== 'string' || !Object.hasOwn(keywordsOf, name))
        throw new SchemaFault(at(path, 'type'), `expected one of ${Object.keys(keywordsOf).join(', ')}`)
      return name as TypeName
    })
  }

  #typed(type: TypeName, schema: Fields, path: string, depth: number): JsonShape {
    switch (type) {
      case 'string':
      case 'number':
      case 'integer':
        return { kind: type }
      case 'boolean':
        return { kind: 'literals', texts: ['true', 'false'] }
      case 'null':
        return { kind: 'literals', texts: ['null'] }
      case 'array': {
        const [minItems, maxItems] = [this.#count(schema, 'minItems', path) ?? 0, this.#count(schema, 'maxItems', path)]
        this.#budget.items += maxItems ?? minItems
        if (this.#budget.items > MAX_ITEMS)
          throw new SchemaFault('', `counts more than ${MAX_ITEMS} items in minItems and maxItems`)
        if (maxItems !== null && maxItems < minItems)
          return this.#lenientAny(at(path, 'maxItems'), 'is less than minItems')
        return {
          kind: 'array',
          items: schema['items'] === undefined ? anything : this.#shape(schema['items'], at(path, 'items'), depth + 1),
          minItems,
          maxItems,
        }
      }
      case 'object':
        return this.#object(schema, path, depth)
    }
  }

  #count(schema: Fields, key: string, path: string): number | null {
    const value = schema[key]
    if (value === undefined || (this.#lenient && typeof value === 'number' && value > MAX_ITEMS)) return null
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > MAX_ITEMS)
      throw new SchemaFault(at(path, key), `expected a whole number from 0 to ${MAX_ITEMS}`)
    return value
  }

  #object(schema: Fields, path: string, depth: number): JsonShape {
    const { properties = {}, required = [], additionalProperties } = schema
    if (!isRecord(properties)) throw new SchemaFault(at(path, 'properties'), 'expected an object of schemas')
    if (!Array.isArray(required) || !required.every((name) => typeof name === 'string'))
      throw new SchemaFault(at(path, 'required'), 'expected a list of names')
    const needed = new Set<string>(required)
    const parsed = Object.entries(properties).map(([name, property]): JsonProperty => {
      this.#budget.properties += 1
      if (this.#budget.properties > MAX_PROPERTIES)
        throw new SchemaFault('', `has more than ${MAX_PROPERTIES} properties`)
      return {
        name,
        shape: this.#shape(property, at(path, `properties.${name}`), depth + 1),
        required: needed.has(name),
      }
    })
    const foreign = required.find((name: string) => !Object.hasOwn(properties, name))
    if (foreign !== undefined && !this.#lenient)
      throw new SchemaFault(
        at(path, 'required'),
        `names ${JSON.stringify(foreign.slice(0, 60))}, which is not in properties`,
      )
    // Without any keyword any object fits; with properties, only these unless additionalProperties says otherwise.
    const open = additionalProperties ?? (parsed.length === 0 && schema['properties'] === undefined)
    return {
      kind: 'object',
      properties: parsed,
      additional: open === false ? null : this.#shape(open, at(path, 'additionalProperties'), depth + 1),
    }
  }

  #literals(schema: Fields, used: readonly string[], types: readonly TypeName[] | null, path: string): JsonShape {
    this.#refuseOthers(used, ['const', 'enum', 'type'], path)
    const key = used.includes('const') ? 'const' : 'enum'
    const values: unknown = key === 'const' ? [schema['const']] : schema['enum']
    if (!Array.isArray(values)) throw new SchemaFault(at(path, key), 'expected a list of values')
    this.#budget.values += values.length
    if (this.#budget.values > MAX_VALUES)
      throw new SchemaFault('', `has more than ${MAX_VALUES} values in enum and const`)
    const fitting =
      types === null ? values : values.filter((value: unknown) => types.some((type) => isOfType(value, type)))
    if (fitting.length === 0) return this.#lenientAny(at(path, key), 'holds no value of the type')
    return { kind: 'literals', texts: [...new Set(fitting.map((value: unknown) => JSON.stringify(value)))] }
  }

  #reference(schema: Fields, used: readonly string[], path: string): JsonShape {
    this.#refuseOthers(used, ['$ref'], path)
    const pointer = schema['$ref']
    if (typeof pointer !== 'string' || !/^#(?:\/(?:\$defs|definitions)\/[^/]+)?$/u.test(pointer))
      return this.#lenientAny(at(path, '$ref'), 'expected #, #/$defs/NAME or #/definitions/NAME')
    if (!this.#seen.has(pointer)) {
      this.#seen.add(pointer)
      this.#pending.push({ pointer, path: at(path, '$ref') })
    }
    return { kind: 'reference', name: this.#prefix + pointer }
  }

  #target(pointer: string, path: string): unknown {
    if (pointer === '#') return this.#root
    const [, holder = '', name = ''] = pointer.split('/')
    const found = isRecord(this.#root) ? this.#root[holder] : undefined
    const key = decodePointer(name)
    if (key === null || !isRecord(found) || !Object.hasOwn(found, key))
      throw new SchemaFault(path, `${JSON.stringify(pointer.slice(0, 100))} is not defined`)
    return found[key]
  }
}

/** One shape for several options; all literals together are one option. */
function oneOf(options: readonly JsonShape[]): JsonShape {
  const texts = new Set(options.flatMap((option) => (option.kind === 'literals' ? option.texts : [])))
  const others = options.filter(({ kind }) => kind !== 'literals')
  const joined: readonly JsonShape[] = texts.size === 0 ? others : [...others, { kind: 'literals', texts: [...texts] }]
  const [only] = joined
  return joined.length === 1 && only !== undefined ? only : { kind: 'anyOf', options: joined }
}

/** Decodes a JSON pointer (RFC 6901) in a URI fragment; null where the encoding is invalid. */
function decodePointer(name: string): string | null {
  try {
    return decodeURIComponent(name).replaceAll('~1', '/').replaceAll('~0', '~')
  } catch (thrown) {
    if (thrown instanceof URIError) return null
    throw thrown
  }
}

function isWideBound(key: string, value: unknown): boolean {
  if (typeof value !== 'number') return false
  return (key === 'minimum' && value <= -MAX_INTEGER) || (key === 'maximum' && value >= MAX_INTEGER)
}

function isOfType(value: unknown, type: TypeName): boolean {
  switch (type) {
    case 'null':
      return value === null
    case 'array':
      return Array.isArray(value)
    case 'object':
      return isRecord(value)
    case 'integer':
      return Number.isInteger(value)
    default:
      return typeof value === type
  }
}

const at = (path: string, step: string): string => (path === '' ? step : `${path}.${step}`)
