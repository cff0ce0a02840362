/**
 * A place inside a rule. Bytes lead to the next place of the same rule; a call leads through a whole other rule and
 * comes
 * back to `back`; a skip costs nothing.
 */
export class Place {
  readonly bytes: { readonly from: number; readonly to: number; readonly next: Place }[] = []
  readonly calls: { readonly rule: Rule; readonly back: Place }[] = []
  readonly skips: Place[] = []
  /** The rule may end here. */
  ends = false
  /** Any bytes may follow, for ever: nothing needs to be checked any more. */
  free = false
}

/** One part of a grammar, such as an object of one shape: entered by a call, left where a place `ends`. */
export class Rule {
  readonly entry = new Place()
  readonly #states = new Map<string, RuleState>()
  readonly #numbers = new Map<Place, number>()

  /** The state of all these places together; the same places give the same state. */
  state(places: Iterable<Place>): RuleState {
    const closed = closeOverSkips(places)
    const key = closed
      .map((place) => this.#numberOf(place))
      .sort((a, b) => a - b)
      .join(' ')
    let state = this.#states.get(key)
    if (state === undefined) {
      state = new RuleState(this, closed)
      this.#states.set(key, state)
    }
    return state
  }

  #numberOf(place: Place): number {
    let number = this.#numbers.get(place)
    if (number === undefined) {
      number = this.#numbers.size
      this.#numbers.set(place, number)
    }
    return number
  }
}

export interface Call {
  readonly entry: RuleState
  /** Where the caller goes on. */
  readonly back: RuleState
}

let lastNumber = 0

/**
 * Places that are possible at once within one rule: alternatives that begin alike cost nothing while they are alike.
 * Made
 * when they are first reached (a deterministic automaton, built as far as it is used).
 */
export class RuleState {
  readonly number: number = (lastNumber += 1)
  readonly ends: boolean
  readonly free: boolean
  /** Whether a byte can follow without a call or an end. */
  readonly hasBytes: boolean
  readonly #rule: Rule
  readonly #places: readonly Place[]
  #next: (RuleState | null | undefined)[] | null = null
  #calls: readonly Call[] | null = null

  constructor(rule: Rule, places: readonly Place[]) {
    this.#rule = rule
    this.#places = places
    this.ends = places.some((place) => place.ends)
    this.free = places.some((place) => place.free)
    this.hasBytes = places.some((place) => place.bytes.length > 0)
  }

  /** After one byte; null when it cannot follow here. */
  next(byte: number): RuleState | null {
    this.#next ??= Array.from({ length: 256 })
    const known = this.#next[byte]
    if (known !== undefined) return known
    const reached = new Set<Place>()
    for (const place of this.#places)
      for (const { from, to, next } of place.bytes) if (byte >= from && byte <= to) reached.add(next)
    const next = reached.size === 0 ? null : this.#rule.state(reached)
    this.#next[byte] = next
    return next
  }

  /** Rules that can begin here; calls of the same rule from several places come back to all of them. */
  get calls(): readonly Call[] {
    if (this.#calls !== null) return this.#calls
    const backs = new Map<Rule, Set<Place>>()
    for (const place of this.#places) {
      for (const { rule, back } of place.calls) {
        const known = backs.get(rule)
        if (known === undefined) backs.set(rule, new Set([back]))
        else known.add(back)
      }
    }
    this.#calls = [...backs].map(([rule, places]) => ({
      entry: rule.state([rule.entry]),
      back: this.#rule.state(places),
    }))
    return this.#calls
  }
}

function closeOverSkips(places: Iterable<Place>): readonly Place[] {
  const closed = new Set(places)
  for (const place of closed) for (const skipped of place.skips) closed.add(skipped)
  return [...closed]
}
