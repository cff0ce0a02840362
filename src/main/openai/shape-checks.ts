import type { JsonDefinitions, JsonShape } from '../../shared/domain/grammar.ts'
import { SchemaFault } from './schema-fault.ts'

/** The engine tracks at most this many parses of a reply at once (inference/grammar) and would drop further ones. */
const MAX_ALTERNATIVES = 60

type PathOf = (name: string) => string

/**
 * Refuses shapes that a reply can begin but never finish (a definition that only refers to itself or always contains
 * itself), and shapes with more alternatives than the engine follows.
 * @throws SchemaFault with the path.
 */
export function checkShapes(
  { shape, definitions }: { readonly shape: JsonShape; readonly definitions: JsonDefinitions },
  pathOf: PathOf,
): void {
  refuseCycles(definitions, pathOf)
  const finite = finiteDefinitions(definitions)
  const alternatives = alternativeCounter(definitions)
  const check = (part: JsonShape, path: string): void => {
    if (!isFinite(part, finite))
      throw new SchemaFault(path, 'no value is ever complete, because each contains another one of its kind')
    if (alternatives(part) > MAX_ALTERNATIVES)
      throw new SchemaFault(path, `offers more than ${MAX_ALTERNATIVES} alternatives at one position`)
    for (const inner of innerShapes(part)) check(inner, path)
  }
  for (const [name, definition] of Object.entries(definitions)) check(definition, pathOf(name))
  check(shape, '')
}

/** The definitions that have a value of finite size, found by propagation from those without references. */
function finiteDefinitions(definitions: JsonDefinitions): ReadonlySet<string> {
  const users = new Map<string, string[]>()
  for (const [name, shape] of Object.entries(definitions)) {
    for (const used of referencesIn(shape)) {
      const known = users.get(used)
      if (known === undefined) users.set(used, [name])
      else known.push(name)
    }
  }
  const finite = new Set<string>()
  const pending = Object.keys(definitions)
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    const shape = definitions[name]
    if (shape === undefined || finite.has(name) || !isFinite(shape, finite)) continue
    finite.add(name)
    for (const user of users.get(name) ?? []) pending.push(user)
  }
  return finite
}

function referencesIn(shape: JsonShape): ReadonlySet<string> {
  const found = new Set<string>()
  const pending = [shape]
  for (let part = pending.pop(); part !== undefined; part = pending.pop()) {
    if (part.kind === 'reference') found.add(part.name)
    pending.push(...innerShapes(part))
  }
  return found
}

function isFinite(shape: JsonShape, finite: ReadonlySet<string>): boolean {
  switch (shape.kind) {
    case 'reference':
      return finite.has(shape.name)
    case 'anyOf':
      return shape.options.some((option) => isFinite(option, finite))
    case 'array':
      return shape.minItems === 0 || isFinite(shape.items, finite)
    case 'object':
      return shape.properties.every(({ shape: value, required }) => !required || isFinite(value, finite))
    default:
      return true
  }
}

function innerShapes(shape: JsonShape): readonly JsonShape[] {
  switch (shape.kind) {
    case 'anyOf':
      return shape.options
    case 'array':
      return [shape.items]
    case 'object':
      return [
        ...shape.properties.map(({ shape: value }) => value),
        ...(shape.additional === null ? [] : [shape.additional]),
      ]
    default:
      return []
  }
}

/** Refuses definitions that refer to themselves without producing any text. */
function refuseCycles(definitions: JsonDefinitions, pathOf: PathOf): void {
  const done = new Set<string>()
  const open = new Set<string>()
  const visit = (shape: JsonShape): void => {
    if (shape.kind === 'anyOf') for (const option of shape.options) visit(option)
    if (shape.kind !== 'reference' || done.has(shape.name)) return
    if (open.has(shape.name)) throw new SchemaFault(pathOf(shape.name), 'refers to itself and to nothing else')
    open.add(shape.name)
    const target = definitions[shape.name]
    if (target !== undefined) visit(target)
    open.delete(shape.name)
    done.add(shape.name)
  }
  for (const name of Object.keys(definitions)) visit({ kind: 'reference', name })
}

/** Counts the alternatives a value can begin with, references included. Definitions must have no cycles. */
function alternativeCounter(definitions: JsonDefinitions): (shape: JsonShape) => number {
  const known = new Map<string, number>()
  const count = (shape: JsonShape): number => {
    if (shape.kind === 'anyOf') return shape.options.reduce((sum, option) => sum + count(option), 1)
    if (shape.kind !== 'reference') return 1
    let counted = known.get(shape.name)
    if (counted === undefined) {
      counted = 1 + count(definitions[shape.name] ?? { kind: 'any' })
      known.set(shape.name, counted)
    }
    return counted
  }
  return count
}
