import { isFree, Stacks, type Configuration, type Thread } from './configuration.ts'
import type { RuleState } from './rule.ts'
import type { Vocabulary } from './vocabulary.ts'

/** The tokens at one state, independent of the callers of its rule; computed once, by one walk over the vocabulary. */
interface StateMask {
  /** Tokens that stay within the rule or end exactly with it: few as ids, many as a set. */
  readonly ids: Int32Array | null
  readonly set: Int32Array | null
  /** Nodes of the vocabulary at which the rule ends: the callers decide what can follow below them. */
  readonly exits: Int32Array
}

/** Masks kept per text: inside a string the same configuration recurs. Their memory is reused. */
const MAX_MASKS = 8

/** The masks of the states of all grammars over one vocabulary. */
export class StateMasks {
  readonly vocabulary: Vocabulary
  /** Collected with the states, when their grammar is no longer used. */
  readonly #masks = new WeakMap<RuleState, StateMask>()

  constructor(vocabulary: Vocabulary) {
    this.vocabulary = vocabulary
  }

  of(state: RuleState): StateMask {
    let mask = this.#masks.get(state)
    if (mask === undefined) {
      mask = this.#compute(state)
      this.#masks.set(state, mask)
    }
    return mask
  }

  #compute(state: RuleState): StateMask {
    const { vocabulary } = this
    const { words } = vocabulary
    const set = new Int32Array(words)
    const exits: number[] = []
    // Follows the state's own bytes only: its calls and returns are threads of their own.
    walk(vocabulary, {
      start: 0,
      end: vocabulary.nodes,
      stacks: new Stacks(),
      from: { threads: [{ state, caller: null }], ended: false },
      set,
      exits,
    })
    const count = countBits(set)
    return count > words
      ? { ids: null, set, exits: Int32Array.from(exits) }
      : { ids: idsOf(set, count), set: null, exits: Int32Array.from(exits) }
  }
}

/** The masks of one text as it grows. */
export class TextMasks {
  readonly #states: StateMasks
  readonly #stacks: Stacks
  readonly #kept = new Map<string, Int32Array>()

  constructor(states: StateMasks, stacks: Stacks) {
    this.#states = states
    this.#stacks = stacks
  }

  /**
   * Tokens that can follow, as a set of ids.
   * @returns int32 [words of the vocabulary], bit id % 32 of word id / 32; a later call may overwrite it.
   */
  of({ threads }: Configuration): Int32Array {
    const key = threads.map(({ state, caller }) => `${state.number}:${caller?.number ?? 0}`).join(' ')
    let mask = this.#kept.get(key)
    if (mask !== undefined) {
      this.#kept.delete(key)
      this.#kept.set(key, mask)
      return mask
    }
    mask = this.#room()
    for (const thread of threads) this.#add(thread, mask)
    this.#kept.set(key, mask)
    return mask
  }

  #add({ state, caller }: Thread, mask: Int32Array): void {
    const { vocabulary } = this.#states
    const { ids, set, exits } = this.#states.of(state)
    if (set !== null)
      for (let word = 0; word < mask.length; word += 1) mask[word] = (mask[word] as number) | (set[word] as number)
    if (ids !== null) for (const id of ids) mask[id >> 5] = (mask[id >> 5] as number) | (1 << (id & 31))
    if (exits.length === 0) return
    const from = this.#stacks.resume(caller)
    if (from.threads.length === 0) return
    for (const node of exits) {
      walk(vocabulary, {
        start: node + 1,
        end: vocabulary.end[node] as number,
        stacks: this.#stacks,
        from,
        set: mask,
        exits: null,
      })
    }
  }

  /** Cleared memory for a mask, taken from the least recently used one when the limit is reached. */
  #room(): Int32Array {
    if (this.#kept.size < MAX_MASKS) return new Int32Array(this.#states.vocabulary.words)
    for (const [key, mask] of this.#kept) {
      this.#kept.delete(key)
      return mask.fill(0)
    }
    throw new TypeError('the limit of masks is 0')
  }
}

interface Walk {
  /** Nodes [start, end): the children of one node and all below them. */
  readonly start: number
  readonly end: number
  readonly stacks: Stacks
  /** Configuration above these nodes. */
  readonly from: Configuration
  /** Receives the tokens that fit. */
  readonly set: Int32Array
  /** Receives inner nodes at which the whole text ends; null when nothing can follow an end. */
  readonly exits: number[] | null
}

/** Walks a part of the vocabulary; a subtree that does not fit costs one comparison. */
function walk(vocabulary: Vocabulary, { start, end, stacks, from, set, exits }: Walk): void {
  const { byte, depth, firstToken, tokens } = vocabulary
  const ends = vocabulary.end
  if (start >= end) return
  const top = depth[start] as number
  const path: Configuration[] = [from]
  // Steps from the same configuration by the same byte recur: almost all of a vocabulary is inside one string.
  const known = new Map<Configuration, (Configuration | null | undefined)[]>()
  const shared = new Map<string, Configuration>()
  let node = start
  while (node < end) {
    const level = (depth[node] as number) - top
    const before = path[level] as Configuration
    if (isFree(before)) {
      addTokens(node, ends[node] as number, firstToken, tokens, set)
      node = ends[node] as number
      continue
    }
    let steps = known.get(before)
    if (steps === undefined) {
      steps = []
      known.set(before, steps)
    }
    const value = byte[node] as number
    let after = steps[value]
    if (after === undefined) {
      after = canonical(stacks.step(before, value), shared)
      steps[value] = after
    }
    if (after === null) {
      node = ends[node] as number
      continue
    }
    addTokens(node, node + 1, firstToken, tokens, set)
    if (exits !== null && after.ended && (ends[node] as number) > node + 1) exits.push(node)
    path[level + 1] = after
    node += 1
  }
}

/** One object for all equal configurations, so that they share their known steps. */
function canonical(configuration: Configuration | null, shared: Map<string, Configuration>): Configuration | null {
  if (configuration === null) return null
  const key = `${configuration.ended ? 1 : 0} ${configuration.threads.map(({ state, caller }) => `${state.number}:${caller?.number ?? 0}`).join(' ')}`
  const first = shared.get(key)
  if (first !== undefined) return first
  shared.set(key, configuration)
  return configuration
}

/** Adds the tokens of nodes [from, to). */
function addTokens(from: number, to: number, firstToken: Int32Array, tokens: Int32Array, set: Int32Array): void {
  const end = firstToken[to] as number
  for (let index = firstToken[from] as number; index < end; index += 1) {
    const id = tokens[index] as number
    set[id >> 5] = (set[id >> 5] as number) | (1 << (id & 31))
  }
}

function countBits(set: Int32Array): number {
  let count = 0
  for (let word of set) for (; word !== 0; word &= word - 1) count += 1
  return count
}

function idsOf(set: Int32Array, count: number): Int32Array {
  const ids = new Int32Array(count)
  let found = 0
  for (const [index, word] of set.entries()) {
    for (let bit = 0; bit < 32; bit += 1) {
      if ((word & (1 << bit)) === 0) continue
      ids[found] = index * 32 + bit
      found += 1
    }
  }
  return ids
}
