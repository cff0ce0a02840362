import { assertNever } from '../../../shared/base/assert-never.ts'
import type { Grammar, GrammarPart, JsonShape } from '../../../shared/domain/grammar.ts'
import { SwitchboardError } from '../../../shared/errors/switchboard-error.ts'
import { Node, Rule } from './rule.ts'
import type { StandardRules } from './standard-rules.ts'
import { afterByte, afterCall, afterText, wideCharacter } from './write-rule.ts'

/** Size of a grammar up to which definitions are inlined: bytes of its keys and values, plus one for each shape. */
const MAX_INLINED = 32_768
/** Definitions inlined inside each other. */
const MAX_INLINE_DEPTH = 32

/**
 * Compiles a grammar to rules. Shapes are inlined into the rule around them, so that alternatives with a common
 * beginning share one state, whatever their number. Only recursive definitions, counted array items and whatever
 * exceeds the size limit become rules of their own, which are called. Each called alternative is a further reading of
 * the text, and their number is limited (configuration.ts).
 * @throws SwitchboardError invalid_request for a reference to an unknown definition.
 */
export function compileGrammar(grammar: Grammar, standard: StandardRules): Rule {
  return new Compiler(grammar, standard).compile()
}

class Compiler {
  readonly #grammar: Grammar
  readonly #standard: StandardRules
  readonly #definitions = new Map<string, Rule>()
  /** Called definitions that are not compiled yet. */
  readonly #pending: string[] = []
  /** Definitions being inlined. */
  readonly #open = new Set<string>()
  #size = 0

  constructor(grammar: Grammar, standard: StandardRules) {
    this.#grammar = grammar
    this.#standard = standard
  }

  compile(): Rule {
    const root = new Rule()
    this.#part(root.entry, this.#grammar.root).ends = true
    for (let name = this.#pending.pop(); name !== undefined; name = this.#pending.pop())
      this.#inline(this.#definition(name).entry, name).ends = true
    return root
  }

  /** The node after a part that starts at `node`. */
  #part(node: Node, part: GrammarPart): Node {
    switch (part.kind) {
      case 'json':
        return this.#shape(node, part.shape)
      case 'text':
        return afterText(node, part.text)
      case 'sequence':
        return part.parts.reduce((at, next) => this.#part(at, next), node)
      case 'choice':
        return afterOneOf(node, part.options, (start, option) => this.#part(start, option))
      case 'free':
        return anythingBut(node, part.unless)
      default:
        return assertNever(part, 'part of a grammar')
    }
  }

  /** The node after a value that starts at `node`, where nothing else starts. */
  #shape(node: Node, shape: JsonShape): Node {
    this.#size += 1
    switch (shape.kind) {
      case 'any':
        return afterCall(node, this.#standard.any)
      case 'string':
        return afterCall(node, this.#standard.string)
      case 'number':
        return afterCall(node, this.#standard.number)
      case 'integer':
        return afterCall(node, this.#standard.integer)
      case 'literals':
        return afterOneOf(node, shape.texts, (start, text) => this.#text(start, text))
      case 'object':
        return this.#object(node, shape)
      case 'array':
        return this.#array(node, shape)
      case 'anyOf':
        return afterOneOf(node, shape.options, (start, option) => this.#shape(start, option))
      case 'reference':
        return this.#reference(node, shape.name)
      default:
        return assertNever(shape, 'shape of JSON')
    }
  }

  #text(node: Node, text: string): Node {
    this.#size += text.length
    return afterText(node, text)
  }

  #reference(node: Node, name: string): Node {
    if (this.#open.has(name) || this.#open.size >= MAX_INLINE_DEPTH || this.#size >= MAX_INLINED)
      return afterCall(node, this.#definition(name))
    return this.#inline(node, name)
  }

  #inline(node: Node, name: string): Node {
    this.#open.add(name)
    const end = this.#shape(node, this.#shapeOf(name))
    this.#open.delete(name)
    return end
  }

  /** The rule of a called definition, shared by all callers. */
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

  #array(start: Node, { items, minItems, maxItems }: Extract<JsonShape, { kind: 'array' }>): Node {
    const end = new Node()
    const { blank } = this.#standard
    const opened = afterCall(afterText(start, '['), blank)
    if (minItems === 0) afterByte(opened, 0x5d, 0x5d, end)
    // One node for each count of items that must be distinguished.
    const counted = maxItems ?? Math.max(1, minItems)
    let afterItem = (node: Node): Node => this.#shape(node, items)
    if (counted > 1) {
      const item = new Rule()
      this.#shape(item.entry, items).ends = true
      afterItem = (node) => afterCall(node, item)
    }
    let node = new Node()
    opened.skips.push(node)
    for (let count = 1; count <= counted; count += 1) {
      const after = afterCall(afterItem(node), blank)
      if (count >= minItems) afterByte(after, 0x5d, 0x5d, end)
      if (count < counted) node = afterCall(afterText(after, ','), blank)
      else if (maxItems === null) afterCall(afterText(after, ','), blank, node)
    }
    return end
  }

  #object(start: Node, { properties, additional }: Extract<JsonShape, { kind: 'object' }>): Node {
    const { blank } = this.#standard
    const end = new Node()
    // keys[n]: the key of property n or a later one comes next; written[n]: property n - 1 was the last one.
    const keys = Array.from({ length: properties.length + 1 }, () => new Node())
    const written = keys.map(() => new Node())
    const keyNode = (index: number): Node => keys[index] ?? new Node()
    const open = afterCall(afterText(start, '{'), blank)
    open.skips.push(keyNode(0))
    const lastRequired = properties.findLastIndex(({ required }) => required)
    if (lastRequired < 0) afterByte(open, 0x7d, 0x7d, end)
    for (const [index, { name, shape, required }] of properties.entries()) {
      const key = keyNode(index)
      const value = afterCall(this.#text(key, `${JSON.stringify(name)}:`), blank)
      afterCall(this.#shape(value, shape), blank, written[index + 1])
      if (!required) key.skips.push(keyNode(index + 1))
    }
    for (const [index, node] of written.entries()) {
      if (index > lastRequired) afterByte(node, 0x7d, 0x7d, end)
      if (index < properties.length || additional !== null) afterCall(afterText(node, ','), blank, keyNode(index))
    }
    if (additional !== null) {
      const value = afterCall(
        afterText(
          afterCall(
            keyNode(properties.length),
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

/** The node after one of several alternatives, each compiled from a node of its own. */
function afterOneOf<Option>(
  node: Node,
  options: readonly Option[],
  write: (start: Node, option: Option) => Node,
): Node {
  const end = new Node()
  for (const option of options) {
    const start = new Node()
    node.skips.push(start)
    write(start, option).skips.push(end)
  }
  return end
}

/**
 * A key that is not one of these names. With names given it has no escapes, because `"\u0061"` is another spelling of
 * `"a"`.
 */
function otherKeyRule(names: readonly string[], { string }: StandardRules): Rule {
  if (names.length === 0) return string
  const rule = new Rule()
  const other = new Node()
  plainCharacters(other, other)
  afterText(other, '"').ends = true
  // A trie of the names: a key leaves it where it differs, and may not end where a name ends.
  interface Branch {
    readonly node: Node
    readonly next: Map<string, Branch>
    whole: boolean
  }
  const branch = (node: Node): Branch => ({ node, next: new Map(), whole: false })
  const root = branch(afterText(rule.entry, '"'))
  for (const name of names) {
    let at = root
    const characters = [...JSON.stringify(name).slice(1, -1)]
    // A name that needs escapes cannot equal a key without escapes.
    if (characters.includes('\\')) continue
    for (const character of characters) {
      let next = at.next.get(character)
      if (next === undefined) {
        next = branch(new Node())
        at.next.set(character, next)
      }
      at = next
    }
    at.whole = true
  }
  const pending = [root]
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    if (!at.whole) afterText(at.node, '"').ends = true
    for (const [character, next] of at.next) {
      leadTo(at.node, character, next.node)
      pending.push(next)
    }
    charactersBut(at.node, new Set(at.next.keys()), other)
  }
  return rule
}

function leadTo(node: Node, text: string, target: Node): void {
  const bytes = new TextEncoder().encode(text)
  let at = node
  for (const byte of bytes.subarray(0, -1)) at = afterByte(at, byte)
  afterByte(at, bytes.at(-1) ?? 0, bytes.at(-1) ?? 0, target)
}

/** Every character that is not escaped in a string. */
function plainCharacters(node: Node, next: Node): void {
  afterByte(node, 0x20, 0x21, next)
  afterByte(node, 0x23, 0x5b, next)
  afterByte(node, 0x5d, 0x7f, next)
  wideCharacter(node, next)
}

/** The same except for some characters. */
function charactersBut(node: Node, without: ReadonlySet<string>, next: Node): void {
  const wide = [...without].some((character) => (character.codePointAt(0) ?? 0) > 0x7f)
  for (let byte = 0x20; byte <= 0x7f; byte += 1) {
    if (byte !== 0x22 && byte !== 0x5c && !without.has(String.fromCharCode(byte))) afterByte(node, byte, byte, next)
  }
  // If one of them is not ASCII, no such character is allowed here at all: such keys are not needed.
  if (!wide) wideCharacter(node, next)
}

/** Any text that does not start with this one. */
function anythingBut(node: Node, unless: string): Node {
  const free = new Node()
  free.free = true
  afterByte(free, 0, 255, free)
  const end = new Node()
  free.skips.push(end)
  let at = node
  for (const byte of new TextEncoder().encode(unless)) {
    at.skips.push(end)
    if (byte > 0) afterByte(at, 0, byte - 1, free)
    if (byte < 255) afterByte(at, byte + 1, 255, free)
    at = afterByte(at, byte)
  }
  return end
}
