import type { JsonDefinitions, JsonShape } from '../../../../shared/domain/grammar.ts'

/** Whether a parsed value has a shape: a second implementation of shapes, for tests. */
export function fitsShape(value: unknown, shape: JsonShape, definitions: JsonDefinitions): boolean {
  switch (shape.kind) {
    case 'any':
      return true
    case 'string':
      return typeof value === 'string'
    case 'number':
      return typeof value === 'number' && Number.isFinite(value)
    case 'integer':
      return Number.isSafeInteger(value)
    case 'literals':
      return shape.texts.includes(JSON.stringify(value))
    case 'anyOf':
      return shape.options.some((option) => fitsShape(value, option, definitions))
    case 'reference':
      return fitsShape(value, definitions[shape.name] ?? { kind: 'literals', texts: [] }, definitions)
    case 'array':
      return (
        Array.isArray(value) &&
        value.length >= shape.minItems &&
        value.length <= (shape.maxItems ?? Infinity) &&
        value.every((item) => fitsShape(item, shape.items, definitions))
      )
    case 'object': {
      if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
      const known = new Map(shape.properties.map((property) => [property.name, property]))
      const { additional } = shape
      return (
        shape.properties.every(({ name, required }) => !required || Object.hasOwn(value, name)) &&
        Object.entries(value).every(([name, member]) => {
          const property = known.get(name)
          if (property !== undefined) return fitsShape(member, property.shape, definitions)
          return additional !== null && fitsShape(member, additional, definitions)
        })
      )
    }
  }
}
