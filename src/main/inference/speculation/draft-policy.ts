import type { StepCosts } from '../costs/step-costs.ts'

/**
 * Lengths a draft may have: runs of 2, 4, 8 and 16 tokens. Few, so that each is soon measured and its bindings are
 * kept.
 */
const draftLengths = [1, 3, 7, 15] as const

/** Replies that may speculate in one step. Each is a run of its own, which reads all weights again. */
const MOST_ROWS = 2

/** With more replies than this a step has so many rows that reading the weights again never pays. */
const MOST_STREAMS = 8

/** Tokens per time have to rise by this factor: below it lies the noise of the measured times. */
const WORTHWHILE = 1.05

/** Chances let pass before one is taken all the same: what did not pay may pay by now, and only a run can tell. */
const RETRY_AFTER = 256

/** Speculating steps in a row before one without, so that the time of a plain step stays known. */
const PLAIN_AFTER = 64

/** A reply with a match. */
export interface Candidate {
  readonly requestId: string
  /** Longest draft that can be right as a whole; 0 or less for none. Asked once, and only where a draft may pay. */
  readonly most: number
  /** Tokens that a run over a draft of this length is expected to give, 1 to draft + 1. */
  expectedTokens(draft: number): number
}

/** The step that is about to run. */
export interface StepLoad {
  /** Replies that get a token, the candidates among them. */
  readonly decoding: number
  /** Prompt tokens of the step; 0 for none. */
  readonly prefillTokens: number
}

export interface Draft {
  readonly requestId: string
  /** Tokens to propose, at least 1. */
  readonly length: number
}

interface Option extends Draft {
  readonly tokens: number
  readonly ms: number
}

/**
 * Decides who speculates. A speculating reply leaves the decode batch and runs alone (GroupQueryAttention takes several
 * new
 * tokens for one row only), which reads the weights once more. That pays when few replies run and drafts are accepted,
 * by
 * the measured times of both kinds of run; and it must not take more of a step from the others than one request's
 * share.
 */
export class DraftPolicy {
  readonly #costs: StepCosts
  readonly #longest: number
  #passed = 0
  #inARow = 0

  /** @param longest tokens of the longest draft that the runner takes. */
  constructor(longest: number, costs: StepCosts) {
    this.#costs = costs
    this.#longest = longest
  }

  /** Drafts of the step, at most {@link MOST_ROWS}; empty where plain decoding is better. */
  choose(candidates: readonly Candidate[], load: StepLoad): readonly Draft[] {
    if (load.decoding > MOST_STREAMS || !this.#costs.knowsDecode(load.decoding)) return []
    const options = candidates
      .map((candidate) => this.#best(candidate))
      .filter((option) => option !== null)
      .toSorted((one, other) => other.tokens / other.ms - one.tokens / one.ms)
    const [first] = options
    if (first === undefined) return []
    let chosen: readonly Option[] = []
    let best = (WORTHWHILE * load.decoding) / this.#costs.decode(load.decoding)
    for (let rows = 1; rows <= Math.min(MOST_ROWS, options.length); rows += 1) {
      const set = options.slice(0, rows)
      const rate = this.#rate(set, load)
      if (rate <= best || !this.#fair(set, load)) continue
      chosen = set
      best = rate
    }
    return this.#withRetries(chosen, first, load)
  }

  #withRetries(chosen: readonly Option[], first: Option, { decoding, prefillTokens }: StepLoad): readonly Draft[] {
    if (chosen.length > 0) {
      this.#passed = 0
      this.#inARow += 1
      if (this.#inARow <= PLAIN_AFTER) return chosen
      this.#inARow = 0
      return []
    }
    this.#inARow = 0
    this.#passed += 1
    // Nobody else pays for a trial.
    if (this.#passed < RETRY_AFTER || decoding > 1 || prefillTokens > 0) return []
    this.#passed = 0
    return [first]
  }

  /** The draft of one reply that gives most tokens per time, by itself. */
  #best({ requestId, most, expectedTokens }: Candidate): Option | null {
    let best: Option | null = null
    for (const length of draftLengths) {
      if (length > Math.min(most, this.#longest)) break
      const option = { requestId, length, tokens: expectedTokens(length), ms: this.#costs.verify(length + 1) }
      if (best === null || option.tokens / option.ms > best.tokens / best.ms) best = option
    }
    return best
  }

  /** Tokens per ms of a step in which these speculate; a chunk of a prompt is left out, it is the same either way. */
  #rate(set: readonly Option[], { decoding }: StepLoad): number {
    return (decoding - set.length + sum(set, 'tokens')) / this.#decodeMs(set, decoding)
  }

  /**
   * Whether nobody waits longer than a plain step and one request's share of it, and no speculating reply is slower
   * than before.
   */
  #fair(set: readonly Option[], { decoding, prefillTokens }: StepLoad): boolean {
    const prefill = this.#costs.prefill(prefillTokens)
    const plain = this.#costs.decode(decoding) + prefill
    const step = this.#decodeMs(set, decoding) + prefill
    const requests = decoding + (prefillTokens > 0 ? 1 : 0)
    if (set.some(({ tokens }) => tokens / step < 1 / plain)) return false
    return requests === set.length || step <= plain * (1 + 1 / requests)
  }

  #decodeMs(set: readonly Option[], decoding: number): number {
    return this.#costs.decode(decoding - set.length) + sum(set, 'ms')
  }
}

function sum(options: readonly Option[], what: 'tokens' | 'ms'): number {
  return options.reduce((total, option) => total + option[what], 0)
}
