import type { TokenOutput } from '../../../shared/contracts/engine.ts'
import { decay } from './decay.ts'

/** Alternatives reported per token (OpenAI's limit). */
export const MAX_ALTERNATIVES = 20

/**
 * Natural log-probabilities over raw logits: of one token, and of the `alternatives` best ones.
 * @param logits float32 [vocabulary], finite.
 */
export function withLogProbability(id: number, logits: Float32Array, alternatives: number): TokenOutput {
  const normaliser = logSumExp(logits)
  const logprob = (logits[id] ?? 0) - normaliser
  const wanted = Math.min(alternatives, MAX_ALTERNATIVES, logits.length)
  if (wanted === 0) return { id, logprob }
  return {
    id,
    logprob,
    top: bestTokens(logits, wanted).map((other) => ({ id: other, logprob: (logits[other] ?? 0) - normaliser })),
  }
}

/** ln of the sum of exp, shifted by the maximum so that nothing overflows. */
export function logSumExp(logits: Float32Array): number {
  const { length } = logits
  let maximum = Number.NEGATIVE_INFINITY
  for (let id = 0; id < length; id += 1) {
    const logit = logits[id] as number
    if (logit > maximum) maximum = logit
  }
  let sum = 0
  for (let id = 0; id < length; id += 1) sum += decay(maximum - (logits[id] as number))
  return maximum + Math.log(sum)
}

/** Ids of the best logits, best first, ties by id: insertion into a short list, which few logits enter. */
function bestTokens(logits: Float32Array, wanted: number): number[] {
  const ids: number[] = []
  let entry = Number.NEGATIVE_INFINITY
  for (let id = 0; id < logits.length; id += 1) {
    const logit = logits[id] as number
    if (logit <= entry) continue
    let at = ids.length
    while (at > 0 && (logits[ids[at - 1] as number] as number) < logit) at -= 1
    ids.splice(at, 0, id)
    if (ids.length > wanted) ids.pop()
    if (ids.length === wanted) entry = logits[ids[wanted - 1] as number] as number
  }
  return ids
}
