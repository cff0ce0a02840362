import type { StepCosts } from '../costs/step-costs.ts'

/**
 * A chunk beside running replies takes at most so many times what their own tokens take: a token then comes at most 2.3
 * plain
 * steps after the one before, and a prompt needs little more than half of each step to be done in twice its time alone.
 */
const CHUNK_SHARE = 1.3

/** Nobody sees a pause of this length, so that small models need not cut prompts into slivers, ms. */
const UNSEEN_MS = 25

/** Shorter chunks take about as long as these: reading the weights. */
const SHORTEST_CHUNK = 16

/** Chunks are multiples of this: few lengths recur, and their bindings are kept. */
const GRAIN = 8

/** How many prompt tokens a step may hold. */
export interface ChunkBudget {
  /** @param decoding replies that get a token in the same step. */
  tokens(decoding: number): number
}

/** By measured times: a whole chunk where nobody waits, else what the running replies bear. */
export class MeasuredBudget implements ChunkBudget {
  readonly #costs: StepCosts
  readonly #longest: number

  /** @param longest tokens of the longest chunk. */
  constructor(costs: StepCosts, longest: number) {
    this.#costs = costs
    this.#longest = longest
  }

  tokens(decoding: number): number {
    if (decoding === 0) return this.#longest
    const affordable = this.#costs.promptTokensIn(Math.max(UNSEEN_MS, CHUNK_SHARE * this.#costs.decode(decoding)))
    const rounded = Math.floor(affordable / GRAIN) * GRAIN
    return Math.min(this.#longest, Math.max(SHORTEST_CHUNK, rounded))
  }
}
