import type { TokenOutput } from '../../../shared/contracts/engine.ts'
import type { SamplingParameters } from '../../../shared/domain/generation.ts'
import { SwitchboardError } from '../../../shared/errors/switchboard-error.ts'
import { uniformAt } from './counter-random.ts'
import { decay } from './decay.ts'
import { withLogProbability } from './log-probabilities.ts'
import { isKept, kthBest, kthHighest, nucleusEnd } from './selection.ts'
import type { TokenHistory } from './token-history.ts'

/** Inputs of one draw beside the logits. */
export interface Draw {
  readonly sampling: SamplingParameters
  readonly history: TokenHistory
  /** Position of the new token in prompt and reply together, from 0; with the seed it determines the random number. */
  readonly position: number
  /** Number of alternatives to report; null for no log-probabilities. */
  readonly logprobs: number | null
  /** int32 [ceil(vocabulary / 32)], bit id % 32 of word id / 32: ids that may be drawn; null for all. */
  readonly mask?: Int32Array | null
}

/**
 * Weights below exp(-NEGLIGIBLE) of the best one are ignored. Together they are less than 2e-6 of the total even in a
 * vocabulary of 150 000, below the rounding of the logits, and most of a vocabulary is among them.
 */
const NEGLIGIBLE = 25

/**
 * Turns logits into a token. Order, as in vLLM: penalties and bias, mask, temperature, min_p, top_k, top_p, draw.
 *
 * The draw walks the kept tokens in the order of their ids until it has passed a random share of their weight. Weights
 * that differ by rounding (the same row alone and in a batch) move the borders between tokens by as little, so that the
 * same seed gives the same token except for draws on a border. A walk in the order of probability would swap whole
 * ranges where two tokens are almost equal.
 *
 * Scratch memory is reused: one sampler serves one engine.
 */
export class Sampler {
  readonly #ids: Int32Array
  readonly #values: Float64Array
  readonly #weights: Float64Array
  readonly #order: Int32Array

  constructor(vocabularySize: number) {
    this.#ids = new Int32Array(vocabularySize)
    this.#values = new Float64Array(vocabularySize)
    this.#weights = new Float64Array(vocabularySize)
    this.#order = new Int32Array(vocabularySize)
  }

  /**
   * @param logits float32 [vocabulary]; changed in place by penalties, bias and mask.
   * @throws SwitchboardError engine_fault when a logit is not a finite number, or the mask allows nothing: never a
   *   token from garbage.
   */
  sample(logits: Float32Array, { sampling, history, position, logprobs, mask = null }: Draw): TokenOutput {
    const best = bestToken(logits)
    if (mask !== null) return this.#sampleMasked(logits, mask, { sampling, history, position, logprobs })
    const plain =
      sampling.repetitionPenalty === 1 &&
      sampling.frequencyPenalty === 0 &&
      sampling.presencePenalty === 0 &&
      isEmpty(sampling.logitBias)
    if (logprobs === null) {
      if (!plain) history.apply(logits, sampling)
      return { id: this.#pick(logits, plain ? best : bestToken(logits), sampling, position) }
    }
    if (plain) return withLogProbability(this.#pick(logits, best, sampling, position), logits, logprobs)
    // Log-probabilities describe the model without penalties, so they are taken from a copy made before.
    const raw = logits.slice()
    history.apply(logits, sampling)
    return withLogProbability(this.#pick(logits, bestToken(logits), sampling, position), raw, logprobs)
  }

  /** The mask comes last, so that no bias or penalty allows what it refuses. */
  #sampleMasked(logits: Float32Array, mask: Int32Array, { sampling, history, position, logprobs }: Draw): TokenOutput {
    const raw = logprobs === null ? null : logits.slice()
    history.apply(logits, sampling)
    const id = this.#pick(logits, maskOut(logits, mask), sampling, position)
    return raw === null ? { id } : withLogProbability(id, raw, logprobs ?? 0)
  }

  #pick(
    logits: Float32Array,
    best: number,
    { temperature, topK, topP, minP, seed }: SamplingParameters,
    position: number,
  ): number {
    if (temperature === 0) return best
    const maximum = logits[best] ?? 0
    const values = this.#values
    const ids = this.#ids
    const weights = this.#weights
    const faintest = maximum - temperature * Math.min(NEGLIGIBLE, minP > 0 ? -Math.log(minP) : NEGLIGIBLE)
    // Among equals at the k-th position the lowest ids are kept, see below.
    const floor = topK > 0 ? Math.max(faintest, kthHighest(logits, topK, values)) : faintest
    let count = 0
    for (let id = 0; id < logits.length; id += 1) {
      const logit = logits[id] as number
      if (logit < floor) continue
      ids[count] = id
      values[count] = logit
      count += 1
    }
    if (topK > 0 && topK < count) count = this.#keep(count, kthBest({ values, count }, topK, this.#order))
    const cooling = 1 / temperature
    let total = 0
    for (let index = 0; index < count; index += 1) {
      const weight = decay((maximum - (values[index] as number)) * cooling)
      weights[index] = weight
      total += weight
    }
    let end = -1
    if (topP < 1) {
      end = nucleusEnd({ values, count }, weights, topP * total, this.#order)
      total = 0
      for (let index = 0; index < count; index += 1) if (isKept(values, index, end)) total += weights[index] ?? 0
    }
    const target = uniformAt(seed, position) * total
    let passed = 0
    let last = best
    for (let index = 0; index < count; index += 1) {
      if (end >= 0 && !isKept(values, index, end)) continue
      passed += weights[index] ?? 0
      last = ids[index] ?? best
      if (passed > target) return last
    }
    return last
  }

  /** Drops candidates worse than the one at `end`, keeping the order of ids. */
  #keep(count: number, end: number): number {
    const values = this.#values
    const ids = this.#ids
    const limit = values[end] ?? 0
    let kept = 0
    for (let index = 0; index < count; index += 1) {
      const value = values[index] ?? 0
      if (value < limit || (value === limit && index > end)) continue
      values[kept] = value
      ids[kept] = ids[index] ?? 0
      kept += 1
    }
    return kept
  }
}

/**
 * The id of the highest logit, the lowest id among equals.
 * @throws SwitchboardError engine_fault when a logit is not a finite number.
 */
export function bestToken(logits: Float32Array): number {
  const { length } = logits
  let best = 0
  let maximum = Number.NEGATIVE_INFINITY
  // A sum is not finite if any of its terms is not; float32 terms cannot overflow a float64 sum. Two sums, because each
  // addition waits for the previous one.
  let even = 0
  let odd = 0
  for (let id = 0; id + 1 < length; id += 2) {
    const first = logits[id] as number
    const second = logits[id + 1] as number
    even += first
    odd += second
    if (first > maximum) {
      maximum = first
      best = id
    }
    if (second > maximum) {
      maximum = second
      best = id + 1
    }
  }
  if (length % 2 === 1) {
    const last = logits[length - 1] as number
    even += last
    if (last > maximum) best = length - 1
  }
  const sum = even + odd
  if (!Number.isFinite(sum))
    throw new SwitchboardError('engine_fault', 'the model produced a logit that is not a finite number')
  return best
}

/**
 * Makes the tokens that the mask refuses impossible, in place.
 * @returns the best remaining id, the lowest among equals.
 * @throws SwitchboardError engine_fault when none remains.
 */
function maskOut(logits: Float32Array, mask: Int32Array): number {
  let best = -1
  let maximum = Number.NEGATIVE_INFINITY
  for (let first = 0, index = 0; first < logits.length; first += 32, index += 1) {
    const word = mask[index] ?? 0
    const end = Math.min(first + 32, logits.length)
    if (word === 0) {
      logits.fill(Number.NEGATIVE_INFINITY, first, end)
      continue
    }
    for (let id = first; id < end; id += 1) {
      if ((word & (1 << (id - first))) === 0) {
        logits[id] = Number.NEGATIVE_INFINITY
      } else if ((logits[id] as number) > maximum) {
        maximum = logits[id] as number
        best = id
      }
    }
  }
  if (best < 0) throw new SwitchboardError('engine_fault', 'no token of the vocabulary fits the grammar here')
  return best
}

function isEmpty(record: object): boolean {
  for (const _ in record) return false
  return true
}
