/**
 * A node of a rule. Bytes lead to another node of the same rule; a call leads through another rule and returns to
 * `back`; a skip consumes nothing.
 */
export class Node {
  readonly bytes: { readonly from: number; readonly to: number; readonly next: Node }[] = []
  readonly calls: { readonly rule: Rule; readonly back: Node }[] = []
  readonly skips: Node[] = []
  /** The rule may end here. */
  ends = false
  /** Any bytes may follow: nothing needs to be checked from here on. */
  free = false
}

/** A part of a grammar, such as an object of one shape: entered by a call, left at a node that `ends`. */
export class Rule {
  readonly entry = new Node()
  readonly #states = new Map<string, RuleState>()
  readonly #numbers = new Map<Node, number>()

  /** The state for a set of nodes; equal sets give the same state. */
  state(nodes: Iterable<Node>): RuleState {
    const closed = closeOverSkips(nodes)
    const key = closed
      .map((node) => this.#numberOf(node))
      .sort((a, b) => a - b)
      .join(' ')
    let state = this.#states.get(key)
    if (state === undefined) {
      state = new RuleState(this, closed)
      this.#states.set(key, state)
    }
    return state
  }

  #numberOf(node: Node): number {
    let number = this.#numbers.get(node)
    if (number === undefined) {
      number = this.#numbers.size
      this.#numbers.set(node, number)
    }
    return number
  }
}

export interface Call {
  readonly entry: RuleState
  /** Where the caller continues. */
  readonly back: RuleState
}

let lastNumber = 0

/**
 * A set of nodes that are possible at once within one rule, so that alternatives with a common beginning cost nothing
 * until they differ. Created on first use: a deterministic automaton that is built lazily.
 */
export class RuleState {
  readonly number: number = (lastNumber += 1)
  readonly ends: boolean
  readonly free: boolean
  /** Whether a byte can follow without a call or an end. */
  readonly hasBytes: boolean
  readonly #rule: Rule
  readonly #nodes: readonly Node[]
  #next: (RuleState | null | undefined)[] | null = null
  #calls: readonly Call[] | null = null

  constructor(rule: Rule, nodes: readonly Node[]) {
    this.#rule = rule
    this.#nodes = nodes
    this.ends = nodes.some((node) => node.ends)
    this.free = nodes.some((node) => node.free)
    this.hasBytes = nodes.some((node) => node.bytes.length > 0)
  }

  /** The state after one byte; null when the byte cannot follow. */
  next(byte: number): RuleState | null {
    this.#next ??= Array.from({ length: 256 })
    const known = this.#next[byte]
    if (known !== undefined) return known
    const reached = new Set<Node>()
    for (const node of this.#nodes)
      for (const { from, to, next } of node.bytes) if (byte >= from && byte <= to) reached.add(next)
    const next = reached.size === 0 ? null : this.#rule.state(reached)
    this.#next[byte] = next
    return next
  }

  /** Rules that can start here. Calls of the same rule from several nodes return to all of them. */
  get calls(): readonly Call[] {
    if (this.#calls !== null) return this.#calls
    const backs = new Map<Rule, Set<Node>>()
    for (const node of this.#nodes) {
      for (const { rule, back } of node.calls) {
        const known = backs.get(rule)
        if (known === undefined) backs.set(rule, new Set([back]))
        else known.add(back)
      }
    }
    this.#calls = [...backs].map(([rule, nodes]) => ({
      entry: rule.state([rule.entry]),
      back: this.#rule.state(nodes),
    }))
    return this.#calls
  }
}

function closeOverSkips(nodes: Iterable<Node>): readonly Node[] {
  const closed = new Set(nodes)
  for (const node of closed) for (const skipped of node.skips) closed.add(skipped)
  return [...closed]
}
