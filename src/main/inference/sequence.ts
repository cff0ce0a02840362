import type { GenerateRequest, TokenOutput } from '../../shared/contracts/engine.ts'
import type { GrammarMatcher } from './grammar/grammars.ts'
import type { Sampler } from './sampling/sampler.ts'
import { TokenHistory } from './sampling/token-history.ts'

/** One token drawn for a reply. */
export interface Drawn {
  readonly token: TokenOutput
  /** The token is one of the stop ids and not part of the reply. */
  readonly isStop: boolean
  /** The grammar is complete: nothing can follow the token. */
  readonly isComplete: boolean
}

export interface SequenceOptions {
  readonly sampler: Sampler
  /** null without a grammar. */
  readonly matcher: GrammarMatcher | null
  /** ms; monotonic. */
  readonly now: () => number
}

/** The tokens of one request: draws them, follows its grammar, and times the grammar's work. */
export class Sequence {
  readonly request: GenerateRequest
  readonly #history: TokenHistory
  readonly #stopIds: ReadonlySet<number>
  readonly #sampler: Sampler
  readonly #now: () => number
  /** null without a grammar, and once the grammar allows everything. */
  #matcher: GrammarMatcher | null
  #grammarMs = 0

  constructor(request: GenerateRequest, { sampler, matcher, now }: SequenceOptions) {
    this.request = request
    this.#history = new TokenHistory(request.promptIds)
    this.#stopIds = new Set(request.stopIds)
    this.#sampler = sampler
    this.#matcher = matcher
    this.#now = now
  }

  /** Time spent on the grammar so far, ms; null for a request without one. */
  get grammarMs(): number | null {
    return this.request.grammar === undefined ? null : this.#grammarMs
  }

  /** Length of the beginning of a draft that the grammar allows next. */
  fitting(draft: readonly number[]): number {
    if (this.#matcher === null) return draft.length
    const started = this.#now()
    const length = this.#matcher.fitting(draft)
    this.#grammarMs += this.#now() - started
    return length
  }

  /**
   * Draws the next token. Logits, history and position alone decide it, so that it does not depend on what else ran.
   * @param position of the token in prompt and reply together, from 0.
   * @param logits float32 [vocabulary]; changed in place.
   * @throws SwitchboardError engine_fault.
   */
  draw(position: number, logits: Float32Array): Drawn {
    const matcher = this.#matcher
    const token = matcher === null ? this.#sample(position, logits, null) : this.#sampleBy(matcher, position, logits)
    const isStop = this.#stopIds.has(token.id)
    if (!isStop) this.#history.add(token.id)
    return { token, isStop, isComplete: this.#matcher?.finished === true }
  }

  #sampleBy(matcher: GrammarMatcher, position: number, logits: Float32Array): TokenOutput {
    const started = this.#now()
    const mask = matcher.mask()
    const masked = this.#now()
    const token = this.#sample(position, logits, mask)
    const drawn = this.#now()
    matcher.accept(token.id)
    if (matcher.free) this.#matcher = null
    this.#grammarMs += masked - started + this.#now() - drawn
    return token
  }

  #sample(position: number, logits: Float32Array, mask: Int32Array | null): TokenOutput {
    const { sampling, logprobs } = this.request
    return this.#sampler.sample(logits, { sampling, history: this.#history, position, logprobs, mask })
  }
}
