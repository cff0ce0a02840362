import type { SamplingParameters } from '../../../shared/domain/generation.ts'

/** Tokens seen by a request, for penalties: those of the prompt as a set, those of the reply with counts. */
export class TokenHistory {
  readonly #prompt: ReadonlySet<number>
  readonly #reply = new Map<number, number>()

  constructor(promptIds: Iterable<number>) {
    this.#prompt = new Set(promptIds)
  }

  add(id: number): void {
    this.#reply.set(id, (this.#reply.get(id) ?? 0) + 1)
  }

  /**
   * Applies penalties and bias in place; only to tokens that were seen or have a bias.
   *
   * - repetition (CTRL, Keskar et al. 2019): seen in prompt or reply; a positive logit is divided, a negative one
   *   multiplied;
   * - frequency and presence (OpenAI): logit - count * frequency - (count > 0) * presence, over the reply;
   * - bias: added last.
   */
  apply(
    logits: Float32Array,
    { repetitionPenalty, frequencyPenalty, presencePenalty, logitBias }: SamplingParameters,
  ): void {
    if (repetitionPenalty !== 1) {
      for (const id of this.#prompt) logits[id] = repeated(logits[id] ?? 0, repetitionPenalty)
      for (const id of this.#reply.keys())
        if (!this.#prompt.has(id)) logits[id] = repeated(logits[id] ?? 0, repetitionPenalty)
    }
    if (frequencyPenalty !== 0 || presencePenalty !== 0) {
      for (const [id, count] of this.#reply) logits[id] = (logits[id] ?? 0) - count * frequencyPenalty - presencePenalty
    }
    for (const key in logitBias) {
      const id = Number(key)
      if (id >= 0 && id < logits.length) logits[id] = (logits[id] ?? 0) + (logitBias[id] ?? 0)
    }
  }
}

function repeated(logit: number, penalty: number): number {
  return logit > 0 ? logit / penalty : logit * penalty
}
