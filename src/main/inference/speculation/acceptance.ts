/**
 * How often the proposed token was the one drawn, by the length of the match that proposed it. The longer a stretch has
 * agreed, the likelier it goes on; so the chance grows along a draft.
 */
const classes = [
  { from: 2, chance: 0.4 },
  { from: 3, chance: 0.6 },
  { from: 5, chance: 0.8 },
  { from: 9, chance: 0.9 },
] as const

/** Tokens the assumed chance counts for until there are real ones. */
const ASSUMED = 4

/**
 * What is left of an old token's say for each new one. One reply soon changes between quoting and speaking freely; all
 * together change slowly.
 */
const kept = { reply: 0.95, replies: 0.995 } as const

/**
 * The record of one reply, or of all. Tokens that plain decoding drew count as well, so that a reply that stopped
 * speculating is seen to quote again.
 */
export class Acceptance {
  readonly #agreed: number[]
  readonly #seen: number[]
  readonly #kept: number

  /** @param chances to begin with, by class: another record's, or the assumed ones. */
  constructor(memory: keyof typeof kept, chances: readonly number[] = classes.map(({ chance }) => chance)) {
    this.#agreed = chances.map((chance) => chance * ASSUMED)
    this.#seen = chances.map(() => ASSUMED)
    this.#kept = kept[memory]
  }

  /** By class of match length, 0 to 1. */
  get chances(): readonly number[] {
    return this.#agreed.map((agreed, index) => agreed / (this.#seen[index] ?? 1))
  }

  record(matchLength: number, agreed: boolean): void {
    const index = classOf(matchLength)
    this.#agreed[index] = (this.#agreed[index] ?? 0) * this.#kept + (agreed ? 1 : 0)
    this.#seen[index] = (this.#seen[index] ?? 0) * this.#kept + 1
  }

  /**
   * Tokens a run over a draft is expected to give: the accepted ones and the one that is drawn after them, 1 to draft +
   * 1.
   */
  expectedTokens(matchLength: number, draft: number): number {
    let tokens = 1
    let chance = 1
    for (let index = 0; index < draft; index += 1) {
      const at = classOf(matchLength + index)
      chance *= (this.#agreed[at] ?? 0) / (this.#seen[at] ?? 1)
      tokens += chance
    }
    return tokens
  }
}

function classOf(matchLength: number): number {
  return Math.max(
    0,
    classes.findLastIndex(({ from }) => matchLength >= from),
  )
}
