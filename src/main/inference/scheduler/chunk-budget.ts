import type { StepCosts } from '../costs/step-costs.ts'

/**
 * Longest prefill chunk per step, as a multiple of the decode time. 1.3 bounds the gap between two tokens at 2.3 decode
 * steps, and a prompt beside running replies takes about twice its time alone.
 */
const CHUNK_SHARE = 1.3

/** A pause of this length is not visible, so that small models need not cut prompts into tiny chunks, ms. */
const UNSEEN_MS = 25

/** Shorter chunks take about as long as this one: reading the weights dominates. */
const MIN_CHUNK = 16

/** Chunks are multiples of this, so that few lengths recur and their bindings stay cached. */
const CHUNK_STEP = 8

/** How many prompt tokens a step may run. */
export interface ChunkBudget {
  /** @param decoding replies that get a token in the same step. */
  tokens(decoding: number): number
}

/** By measured times: a whole chunk when no reply is running, else what {@link CHUNK_SHARE} allows. */
export class MeasuredBudget implements ChunkBudget {
  readonly #costs: StepCosts
  readonly #maxChunk: number

  /** @param maxChunk tokens of one chunk. */
  constructor(costs: StepCosts, maxChunk: number) {
    this.#costs = costs
    this.#maxChunk = maxChunk
  }

  tokens(decoding: number): number {
    if (decoding === 0) return this.#maxChunk
    const affordable = this.#costs.promptTokensIn(Math.max(UNSEEN_MS, CHUNK_SHARE * this.#costs.decode(decoding)))
    const rounded = Math.floor(affordable / CHUNK_STEP) * CHUNK_STEP
    return Math.min(this.#maxChunk, Math.max(MIN_CHUNK, rounded))
  }
}
