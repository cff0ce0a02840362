import { assertNever } from '../../../shared/base/assert-never.ts'
import type { Grammar, GrammarPart, JsonShape } from '../../../shared/domain/grammar.ts'
import { SwitchboardError } from '../../../shared/errors/switchboard-error.ts'
import { Place, Rule } from './rule.ts'
import type { StandardRules } from './standard-rules.ts'
import { afterByte, afterCall, afterText, wideCharacter } from './write-rule.ts'

/**
 * Size of a grammar (bytes of its keys and values, and one for each shape) up to which definitions are written out
 * where they
 * are used.
 */
const WRITTEN_OUT = 32_768
/** Definitions written out inside each other. */
const DEEPEST_WRITTEN_OUT = 32

/**
 * A grammar as rules. Shapes are written into the rule around them, so that alternatives that begin alike are one state
 * while
 * they are alike, whatever their number; only what would not end, or become too large, is a rule of its own and called:
 * a
 * definition inside itself, and the items of an array that is counted. A called alternative is one more reading of the
 * text
 * that has to be followed, and those are limited (configuration.ts).
 * @throws SwitchboardError invalid_request for a reference to nothing.
 */
export function compileGrammar(grammar: Grammar, standard: StandardRules): Rule {
  return new Compiler(grammar, standard).compile()
}

class Compiler {
  readonly #grammar: Grammar
  readonly #standard: StandardRules
  readonly #definitions = new Map<string, Rule>()
  /** Called definitions that are not written yet. */
  readonly #pending: string[] = []
  /** Definitions that are being written out. */
  readonly #open = new Set<string>()
  #written = 0

  constructor(grammar: Grammar, standard: StandardRules) {
    this.#grammar = grammar
    this.#standard = standard
  }

  compile(): Rule {
    const root = new Rule()
    this.#part(root.entry, this.#grammar.root).ends = true
    for (let name = this.#pending.pop(); name !== undefined; name = this.#pending.pop())
      this.#writeOut(this.#definition(name).entry, name).ends = true
    return root
  }

  /** The place after a part that begins at `place`. */
  #part(place: Place, part: GrammarPart): Place {
    switch (part.kind) {
      case 'json':
        return this.#shape(place, part.shape)
      case 'text':
        return afterText(place, part.text)
      case 'sequence':
        return part.parts.reduce((at, next) => this.#part(at, next), place)
      case 'choice':
        return afterOneOf(place, part.options, (start, option) => this.#part(start, option))
      case 'free':
        return anythingBut(place, part.unless)
      default:
        return assertNever(part, 'part of a grammar')
    }
  }

  /** The place after a value that begins at `place`, where nothing else begins. */
  #shape(place: Place, shape: JsonShape): Place {
    this.#written += 1
    switch (shape.kind) {
      case 'any':
        return afterCall(place, this.#standard.any)
      case 'string':
        return afterCall(place, this.#standard.string)
      case 'number':
        return afterCall(place, this.#standard.number)
      case 'integer':
        return afterCall(place, this.#standard.integer)
      case 'literals':
        return afterOneOf(place, shape.texts, (start, text) => this.#text(start, text))
      case 'object':
        return this.#object(place, shape)
      case 'array':
        return this.#array(place, shape)
      case 'anyOf':
        return afterOneOf(place, shape.options, (start, option) => this.#shape(start, option))
      case 'reference':
        return this.#reference(place, shape.name)
      default:
        return assertNever(shape, 'shape of JSON')
    }
  }

  #text(place: Place, text: string): Place {
    this.#written += text.length
    return afterText(place, text)
  }

  #reference(place: Place, name: string): Place {
    if (this.#open.has(name) || this.#open.size >= DEEPEST_WRITTEN_OUT || this.#written >= WRITTEN_OUT)
      return afterCall(place, this.#definition(name))
    return this.#writeOut(place, name)
  }

  #writeOut(place: Place, name: string): Place {
    this.#open.add(name)
    const end = this.#shape(place, this.#shapeOf(name))
    this.#open.delete(name)
    return end
  }

  /** The rule of a definition that is called: from everywhere the same one. */
  #definition(name: string): Rule {
    const known = this.#definitions.get(name)
    if (known !== undefined) return known
    const rule = new Rule()
    this.#definitions.set(name, rule)
    this.#pending.push(name)
    return rule
  }

  #shapeOf(name: string): JsonShape {
    const shape = Object.hasOwn(this.#grammar.definitions, name) ? this.#grammar.definitions[name] : undefined
    if (shape === undefined)
      throw new SwitchboardError(
        'invalid_request',
        `the grammar refers to ${JSON.stringify(name.slice(0, 100))}, which it does not define`,
      )
    return shape
  }

  #array(start: Place, { items, minItems, maxItems }: Extract<JsonShape, { kind: 'array' }>): Place {
    const end = new Place()
    const { blank } = this.#standard
    const opened = afterCall(afterText(start, '['), blank)
    if (minItems === 0) afterByte(opened, 0x5d, 0x5d, end)
    // One place for each number of items that must be told apart.
    const counted = maxItems ?? Math.max(1, minItems)
    let afterItem = (place: Place): Place => this.#shape(place, items)
    if (counted > 1) {
      const item = new Rule()
      this.#shape(item.entry, items).ends = true
      afterItem = (place) => afterCall(place, item)
    }
    let place = new Place()
    opened.skips.push(place)
    for (let count = 1; count <= counted; count += 1) {
      const after = afterCall(afterItem(place), blank)
      if (count >= minItems) afterByte(after, 0x5d, 0x5d, end)
      if (count < counted) place = afterCall(afterText(after, ','), blank)
      else if (maxItems === null) afterCall(afterText(after, ','), blank, place)
    }
    return end
  }

  #object(start: Place, { properties, additional }: Extract<JsonShape, { kind: 'object' }>): Place {
    const { blank } = this.#standard
    const end = new Place()
    // keys[n]: a key of property n or later comes next; written[n]: property n - 1 was the last one.
    const keys = Array.from({ length: properties.length + 1 }, () => new Place())
    const written = keys.map(() => new Place())
    const keyPlace = (index: number): Place => keys[index] ?? new Place()
    const open = afterCall(afterText(start, '{'), blank)
    open.skips.push(keyPlace(0))
    const lastRequired = properties.findLastIndex(({ required }) => required)
    if (lastRequired < 0) afterByte(open, 0x7d, 0x7d, end)
    for (const [index, { name, shape, required }] of properties.entries()) {
      const key = keyPlace(index)
      const value = afterCall(this.#text(key, `${JSON.stringify(name)}:`), blank)
      afterCall(this.#shape(value, shape), blank, written[index + 1])
      if (!required) key.skips.push(keyPlace(index + 1))
    }
    for (const [index, place] of written.entries()) {
      if (index > lastRequired) afterByte(place, 0x7d, 0x7d, end)
      if (index < properties.length || additional !== null) afterCall(afterText(place, ','), blank, keyPlace(index))
    }
    if (additional !== null) {
      const value = afterCall(
        afterText(
          afterCall(
            keyPlace(properties.length),
            otherKeyRule(
              properties.map(({ name }) => name),
              this.#standard,
            ),
          ),
          ':',
        ),
        blank,
      )
      afterCall(this.#shape(value, additional), blank, written[properties.length])
    }
    return end
  }
}

/** The place after one of several alternatives, each written from a place of its own. */
function afterOneOf<Option>(
  place: Place,
  options: readonly Option[],
  write: (start: Place, option: Option) => Place,
): Place {
  const end = new Place()
  for (const option of options) {
    const start = new Place()
    place.skips.push(start)
    write(start, option).skips.push(end)
  }
  return end
}

/**
 * A key that is none of these names. Where there are names it has no escapes: `"\u0061"` would be another spelling of
 * `"a"`.
 */
function otherKeyRule(names: readonly string[], { string }: StandardRules): Rule {
  if (names.length === 0) return string
  const rule = new Rule()
  const other = new Place()
  plainCharacters(other, other)
  afterText(other, '"').ends = true
  // Along the names, character by character: a key leaves them where it differs, and may not end where one of them
  // ends.
  interface Branch {
    readonly place: Place
    readonly next: Map<string, Branch>
    whole: boolean
  }
  const branch = (place: Place): Branch => ({ place, next: new Map(), whole: false })
  const root = branch(afterText(rule.entry, '"'))
  for (const name of names) {
    let at = root
    const characters = [...JSON.stringify(name).slice(1, -1)]
    // A name whose text needs escapes cannot be met by a key without any.
    if (characters.includes('\\')) continue
    for (const character of characters) {
      let next = at.next.get(character)
      if (next === undefined) {
        next = branch(new Place())
        at.next.set(character, next)
      }
      at = next
    }
    at.whole = true
  }
  const pending = [root]
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    if (!at.whole) afterText(at.place, '"').ends = true
    for (const [character, next] of at.next) {
      leadTo(at.place, character, next.place)
      pending.push(next)
    }
    charactersBut(at.place, new Set(at.next.keys()), other)
  }
  return rule
}

function leadTo(place: Place, text: string, target: Place): void {
  const bytes = new TextEncoder().encode(text)
  let at = place
  for (const byte of bytes.subarray(0, -1)) at = afterByte(at, byte)
  afterByte(at, bytes.at(-1) ?? 0, bytes.at(-1) ?? 0, target)
}

/** Every character that stands in a string as itself. */
function plainCharacters(place: Place, next: Place): void {
  afterByte(place, 0x20, 0x21, next)
  afterByte(place, 0x23, 0x5b, next)
  afterByte(place, 0x5d, 0x7f, next)
  wideCharacter(place, next)
}

/** The same without a few characters. */
function charactersBut(place: Place, without: ReadonlySet<string>, next: Place): void {
  const wide = [...without].some((character) => (character.codePointAt(0) ?? 0) > 0x7f)
  for (let byte = 0x20; byte <= 0x7f; byte += 1) {
    if (byte !== 0x22 && byte !== 0x5c && !without.has(String.fromCharCode(byte))) afterByte(place, byte, byte, next)
  }
  // Where one of them is wide, no wide character comes here at all: such a key is not needed.
  if (!wide) wideCharacter(place, next)
}

/** Any text that does not begin with this one. */
function anythingBut(place: Place, unless: string): Place {
  const free = new Place()
  free.free = true
  afterByte(free, 0, 255, free)
  const end = new Place()
  free.skips.push(end)
  let at = place
  for (const byte of new TextEncoder().encode(unless)) {
    at.skips.push(end)
    if (byte > 0) afterByte(at, 0, byte - 1, free)
    if (byte < 255) afterByte(at, byte + 1, 255, free)
    at = afterByte(at, byte)
  }
  return end
}
