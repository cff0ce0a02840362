/** Weight of a new time once enough were measured. */
const NEWEST = 0.1

/**
 * Cost of a further row relative to the first, before it was measured: an int4 model on a CPU with VNNI takes 1.6 times
 * the time of one row for four.
 */
const ASSUMED_ROW = 0.2

/** Chunk length at which half of an error is attributed to the cost per token and half to the cost per chunk. */
const MIDDLE_CHUNK = 64

interface Mean {
  readonly mean: number
  readonly times: number
}

type Point = readonly [rows: number, ms: number]

/**
 * Measured times of runs, ms, as running means by number of rows. A time far from its mean counts as at most twice and
 * at least half the mean, so that a pause of the machine moves it little and a lasting change moves it soon.
 */
export class StepCosts {
  readonly #decode = new Map<number, Mean>()
  readonly #verify = new Map<number, Mean>()
  /** A chunk of n tokens takes `fixed` + n * `token`, ms: reading the weights, then computing. */
  #chunk: { readonly fixed: number; readonly token: number } | null = null
  /** One length alone cannot separate the two. */
  #firstChunk: Point | null = null

  /** One token for each of `replies` replies, sampling included, in any number of runs. */
  recordDecode(replies: number, ms: number): void {
    learn(this.#decode, replies, ms, this.decode(replies))
  }

  /** A run of `rows` tokens of one reply with a logit row each, sampling included. */
  recordVerify(rows: number, ms: number): void {
    learn(this.#verify, rows, ms, this.verify(rows))
  }

  /** A chunk of a prompt with at most one logit row. */
  recordPrefill(tokens: number, ms: number): void {
    if (this.#firstChunk === null) this.#firstChunk = [tokens, ms]
    if (this.#chunk === null) this.#chunk = lineThrough(this.#firstChunk, [tokens, ms])
    else this.#correct(this.#chunk, tokens, ms)
  }

  /** 0 for no replies or before any measurement; a number that was never measured is estimated from its neighbours. */
  decode(replies: number): number {
    return replies === 0 ? 0 : (estimate(this.#decode, replies, null) ?? 0)
  }

  /** Interpolated between measured numbers of rows and a decode step of one row; extrapolated beyond them. */
  verify(rows: number): number {
    const plain = this.decode(1)
    return estimate(this.#verify, rows, plain === 0 ? null : [1, plain]) ?? 0
  }

  /** 0 until chunks of two lengths were measured. */
  prefill(tokens: number): number {
    return tokens === 0 || this.#chunk === null ? 0 : this.#chunk.fixed + tokens * this.#chunk.token
  }

  /** Largest chunk expected to finish within `ms`; unbounded until a chunk has been measured. */
  promptTokensIn(ms: number): number {
    if (this.#chunk === null || this.#chunk.token === 0) return Number.MAX_SAFE_INTEGER
    return Math.max(0, Math.floor((ms - this.#chunk.fixed) / this.#chunk.token))
  }

  /**
   * Normalised least mean squares (Widrow and Hoff 1960): moves both terms towards the measurement, each by its share of
   * the total. So a single recurring chunk length corrects both.
   */
  #correct({ fixed, token }: { readonly fixed: number; readonly token: number }, tokens: number, ms: number): void {
    const error = moved(fixed + tokens * token, ms, NEWEST) - (fixed + tokens * token)
    const share = (tokens / MIDDLE_CHUNK) ** 2
    this.#chunk = {
      fixed: Math.max(0, fixed + error / (1 + share)),
      token: Math.max(0, token + (error * share) / (1 + share) / tokens),
    }
  }
}

/** The line through two measured chunks; null when their lengths are equal. */
function lineThrough(
  [short, shortMs]: Point,
  [long, longMs]: Point,
): { readonly fixed: number; readonly token: number } | null {
  if (short > long) return lineThrough([long, longMs], [short, shortMs])
  if (short === long) return null
  // The short chunk was slowed down by a pause, so its time is not usable.
  if (shortMs >= longMs) return { fixed: longMs / 2, token: longMs / 2 / long }
  const token = Math.min((longMs - shortMs) / (long - short), longMs / long)
  return { fixed: longMs - token * long, token }
}

function learn(means: Map<number, Mean>, rows: number, ms: number, expected: number): void {
  const known = means.get(rows) ?? { mean: expected, times: 0 }
  const weight = Math.max(NEWEST, 1 / (known.times + 1))
  means.set(rows, { mean: moved(known.mean, ms, weight), times: known.times + 1 })
}

/** A mean moved towards a measurement that is limited to half and twice the mean. */
function moved(mean: number, ms: number, weight: number): number {
  return mean === 0 ? ms : mean + (Math.min(2 * mean, Math.max(mean / 2, ms)) - mean) * weight
}

/** @param floor a point below all measured ones. */
function estimate(means: ReadonlyMap<number, Mean>, rows: number, floor: Point | null): number | null {
  const known = means.get(rows)
  if (known !== undefined) return known.mean
  let above: Point | null = null
  let below = floor
  for (const [measured, { mean }] of means) {
    if (measured > rows && (above === null || measured < above[0])) above = [measured, mean]
    if (measured < rows && (below === null || measured > below[0])) below = [measured, mean]
  }
  if (above !== null && below !== null)
    return below[1] + ((above[1] - below[1]) * (rows - below[0])) / (above[0] - below[0])
  if (above !== null) return above[1]
  return below === null ? null : below[1] * ((1 + ASSUMED_ROW * (rows - 1)) / (1 + ASSUMED_ROW * (below[0] - 1)))
}
