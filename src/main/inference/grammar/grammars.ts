import { RecentlyUsed } from '../../../shared/base/recently-used.ts'
import type { Grammar } from '../../../shared/domain/grammar.ts'
import { compileGrammar } from './compile.ts'
import { isFree, Stacks, type Configuration } from './configuration.ts'
import type { Rule } from './rule.ts'
import { makeStandardRules, type StandardRules } from './standard-rules.ts'
import { StateMasks, TextMasks } from './token-masks.ts'
import { readVocabulary, type Vocabulary } from './vocabulary.ts'

/** Compiled grammars that are kept: a client sends the same few again and again. */
const MAX_COMPILED = 16

/** The vocabulary of one engine, the grammars it has compiled, and their masks. */
export class Grammars {
  readonly #masks: StateMasks
  readonly #standard: StandardRules = makeStandardRules()
  readonly #compiled = new RecentlyUsed<string, Rule>(MAX_COMPILED)

  /**
   * @param packed all tokens' bytes (contracts/engine.ts, EngineModel.vocabulary).
   * @param size logits of the model.
   * @throws SwitchboardError model_corrupt.
   */
  constructor(packed: Uint8Array, size: number) {
    this.#masks = new StateMasks(readVocabulary(packed, size))
    // A mask inside a string takes a walk over all tokens. All grammars share one, which is computed now and not in a
    // step.
    const inString = this.#standard.string.state([this.#standard.string.entry]).next(0x22)
    if (inString !== null) this.#masks.of(inString)
  }

  /**
   * Follows one reply.
   * @param stopIds the only ids allowed where the grammar can end, and nowhere else.
   * @throws SwitchboardError invalid_request for a grammar that refers to nothing.
   */
  follow(grammar: Grammar, stopIds: Iterable<number>): GrammarMatcher {
    const rule = this.#compiled.get(JSON.stringify(grammar), () => compileGrammar(grammar, this.#standard))
    return new GrammarMatcher(rule, this.#masks, [...stopIds])
  }
}

/** The position of one reply in its grammar. */
export class GrammarMatcher {
  readonly #stacks = new Stacks()
  readonly #masks: TextMasks
  readonly #vocabulary: Vocabulary
  readonly #stopIds: readonly number[]
  readonly #mask: Int32Array
  #at: Configuration

  constructor(rule: Rule, masks: StateMasks, stopIds: readonly number[]) {
    const { words, size } = masks.vocabulary
    this.#masks = new TextMasks(masks, this.#stacks)
    this.#vocabulary = masks.vocabulary
    this.#stopIds = stopIds.filter((id) => id >= 0 && id < size)
    this.#mask = new Int32Array(words)
    this.#at = this.#stacks.begin(rule.state([rule.entry]))
  }

  /** Everything is allowed from here on. */
  get free(): boolean {
    return isFree(this.#at)
  }

  /** The reply is complete and nothing can follow it. */
  get finished(): boolean {
    return this.#at.ended && this.#at.threads.length === 0
  }

  /**
   * Ids that can come next, stop ids where the reply can end; null when all can.
   * @returns int32 [ceil(vocabulary / 32)], bit id % 32 of word id / 32; overwritten by the next call.
   */
  mask(): Int32Array | null {
    if (this.free) return null
    const mask = this.#mask
    mask.set(this.#masks.of(this.#at))
    for (const id of this.#stopIds) {
      const bit = 1 << (id & 31)
      const word = mask[id >> 5] ?? 0
      mask[id >> 5] = this.#at.ended ? word | bit : word & ~bit
    }
    return mask
  }

  /**
   * How many of these ids can follow, one after the other; nothing can follow a stop id or the end. Changes nothing.
   */
  fitting(draft: readonly number[]): number {
    let at = this.#at
    for (const [index, id] of draft.entries()) {
      if (isFree(at)) return draft.length
      if (this.#stopIds.includes(id)) return at.ended ? index + 1 : index
      const bytes = this.#vocabulary.bytes(id)
      const next = bytes.length === 0 ? null : this.#stacks.read(at, bytes)
      if (next === null) return index
      at = next
    }
    return draft.length
  }

  /**
   * Advances by a token that the mask allowed; a stop id changes nothing.
   * @throws TypeError for a token that cannot follow.
   */
  accept(id: number): void {
    if (this.free || this.#stopIds.includes(id)) return
    const bytes = this.#vocabulary.bytes(id)
    const at = bytes.length === 0 ? null : this.#stacks.read(this.#at, bytes)
    if (at === null) throw new TypeError(`token ${id} cannot follow here`)
    this.#at = at
  }
}
