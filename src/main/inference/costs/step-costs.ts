/** Weight of a new time once enough were seen. */
const RECENT = 0.1

/** A further row of a run against its first, before it was measured: int4 on a CPU takes 1.6 times one row for four. */
const ASSUMED_ROW = 0.2

/** Length of a chunk of which half of an error is the fault of what a token costs, and half of what a chunk does. */
const MIDDLE_CHUNK = 64

/**
 * Measured times of runs, ms: running means by number of rows. A time far from its mean counts as twice or half the
 * mean, so
 * that a pause of the machine (a hundred steps long, on a busy one) moves it little and a lasting change moves it soon.
 */
export class StepCosts {
  readonly #decode = new Map<number, { mean: number; times: number }>()
  readonly #run = new Map<number, { mean: number; times: number }>()
  readonly #verify = new Map<number, { mean: number; times: number }>()
  /** A chunk of n tokens takes `fixed` + n * `token`, ms: reading the weights, then computing. */
  #chunk: { readonly fixed: number; readonly token: number } | null = null
  /** A first chunk alone cannot tell the two apart. */
  #firstChunk: Measured | null = null

  /** The next token of this many replies, drawing included, in however many runs. */
  recordDecode(replies: number, ms: number): void {
    learn(this.#decode, replies, ms, this.decode(replies))
  }

  /** One decode run of this many rows, idle ones among them. */
  recordRun(rows: number, ms: number): void {
    learn(this.#run, rows, ms, estimate(this.#run, rows, null) ?? 0)
  }

  /** A run of this many tokens of one reply, a logit row each, drawing included. */
  recordVerify(rows: number, ms: number): void {
    learn(this.#verify, rows, ms, this.verify(rows))
  }

  /** A chunk of a prompt whose last token alone got logits. */
  recordPrefill(tokens: number, ms: number): void {
    if (this.#firstChunk === null) this.#firstChunk = [tokens, ms]
    if (this.#chunk === null) this.#chunk = through(this.#firstChunk, [tokens, ms])
    else this.#correct(this.#chunk, tokens, ms)
  }

  knowsDecode(replies: number): boolean {
    return this.#decode.has(replies)
  }

  /** No replies cost nothing; a number that was never seen costs about what its neighbours do. */
  decode(replies: number): number {
    return replies === 0 ? 0 : (estimate(this.#decode, replies, null) ?? 0)
  }

  /** ms; before anything was measured, in proportion to a run of one row. */
  run(rows: number): number {
    return estimate(this.#run, rows, null) ?? 1 + ASSUMED_ROW * (rows - 1)
  }

  /** Between the numbers of rows that were measured, a plain step of one row among them; beyond them in proportion. */
  verify(rows: number): number {
    const plain = this.decode(1)
    return estimate(this.#verify, rows, plain === 0 ? null : [1, plain]) ?? 0
  }

  /** 0 until chunks of two lengths were measured. */
  prefill(tokens: number): number {
    return tokens === 0 || this.#chunk === null ? 0 : this.#chunk.fixed + tokens * this.#chunk.token
  }

  /** Tokens of the longest chunk that takes no longer than this; as many as you like until chunks were measured. */
  promptTokensIn(ms: number): number {
    if (this.#chunk === null || this.#chunk.token === 0) return Number.MAX_SAFE_INTEGER
    return Math.max(0, Math.floor((ms - this.#chunk.fixed) / this.#chunk.token))
  }

  /**
   * Normalised least mean squares (Widrow and Hoff 1960): a step towards what was measured, shared between both terms
   * by what
   * each adds to it. Always the same small length then corrects both, and no length's estimate is stuck for want of
   * trying.
   */
  #correct({ fixed, token }: { readonly fixed: number; readonly token: number }, tokens: number, ms: number): void {
    const error = bounded(ms, fixed + tokens * token, RECENT) - (fixed + tokens * token)
    const share = (tokens / MIDDLE_CHUNK) ** 2
    this.#chunk = {
      fixed: Math.max(0, fixed + error / (1 + share)),
      token: Math.max(0, token + (error * share) / (1 + share) / tokens),
    }
  }
}

/** The line through two measured chunks; null when they are as long as each other. */
function through(
  [short, least]: Measured,
  [long, most]: Measured,
): { readonly fixed: number; readonly token: number } | null {
  if (short > long) return through([long, most], [short, least])
  if (short === long) return null
  // A pause fell on the short one: what it took says nothing.
  if (least >= most) return { fixed: most / 2, token: most / 2 / long }
  const token = Math.min((most - least) / (long - short), most / long)
  return { fixed: most - token * long, token }
}

function learn(means: Map<number, { mean: number; times: number }>, rows: number, ms: number, expected: number): void {
  const known = means.get(rows) ?? { mean: expected, times: 0 }
  means.set(rows, { mean: bounded(ms, known.mean, Math.max(RECENT, 1 / (known.times + 1))), times: known.times + 1 })
}

function bounded(ms: number, mean: number, weight: number): number {
  return mean === 0 ? ms : mean + (Math.min(2 * mean, Math.max(mean / 2, ms)) - mean) * weight
}

type Measured = readonly [rows: number, ms: number]

/** @param lowest a point that lies below those of the map. */
function estimate(
  means: ReadonlyMap<number, { readonly mean: number }>,
  rows: number,
  lowest: Measured | null,
): number | null {
  const known = means.get(rows)
  if (known !== undefined) return known.mean
  let above: Measured | null = null
  let below = lowest
  for (const [measured, { mean }] of means) {
    if (measured > rows && (above === null || measured < above[0])) above = [measured, mean]
    if (measured < rows && (below === null || measured > below[0])) below = [measured, mean]
  }
  if (above !== null && below !== null)
    return below[1] + ((above[1] - below[1]) * (rows - below[0])) / (above[0] - below[0])
  if (above !== null) return above[1]
  return below === null ? null : below[1] * ((1 + ASSUMED_ROW * (rows - 1)) / (1 + ASSUMED_ROW * (below[0] - 1)))
}
