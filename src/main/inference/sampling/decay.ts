const STEPS = 64

/**
 * Beyond this the weight of a token is below 5e-18 of the best one, which is lost in a float64 sum over a vocabulary.
 */
const LIMIT = 40

const table = Float64Array.from({ length: LIMIT * STEPS + 1 }, (_, step) => Math.exp(-step / STEPS))

/**
 * exp(-x) for x >= 0, by a table and a short series. The relative error is below 1e-11, far below the precision of
 * float32 logits. Several times faster than Math.exp, which over 150 000 logits would take longer than the rest of
 * sampling.
 */
export function decay(x: number): number {
  if (!(x < LIMIT)) return 0
  const scaled = x * STEPS
  const step = scaled | 0
  const rest = (scaled - step) / STEPS
  return (table[step] as number) * (1 - rest * (1 - rest * (0.5 - rest * (1 / 6 - rest / 24))))
}
