/** Tokens that have to agree before a continuation is proposed; one alone (a comma, a digit) says nothing. */
export const SHORTEST_MATCH = 2

/** A search compares no further back than this; a match that goes on grows beyond it without being searched again. */
export const LONGEST_SEARCH = 32

/** Earlier places a search looks at, the latest first. */
export const MOST_PLACES = 64

/**
 * What probably comes next, read off the sequence itself: where the longest run of its last tokens occurred before, the
 * tokens that followed there (Saxena 2023, "Prompt Lookup Decoding"). Replies that quote their prompt repeat it at
 * length.
 *
 * Places are found as compressors find them (LZ77): a table leads from two tokens to the last place where they stood,
 * and
 * from each place to the one before it. Adding a token costs the same at any length, and memory is taken once.
 */
export class PromptLookup {
  readonly #tokens: Int32Array
  /** By hash: position of the second of two tokens, the latest such place; -1 for none. */
  readonly #latest: Int32Array
  /** By position: the place before it with the same hash, or -1. */
  readonly #earlier: Int32Array
  #length = 0
  /** Position whose token is expected next; -1 without a match. */
  #source = -1
  #matched = 0
  #searched = true

  /** @param capacity tokens the sequence can reach, prompt and reply together. */
  constructor(prompt: ArrayLike<number>, capacity: number) {
    this.#tokens = new Int32Array(Math.max(capacity, prompt.length))
    this.#earlier = new Int32Array(this.#tokens.length)
    this.#latest = new Int32Array(2 ** Math.ceil(Math.log2(Math.max(2, this.#tokens.length)))).fill(-1)
    for (let position = 0; position < prompt.length; position += 1) this.add(prompt[position] as number)
  }

  /** Tokens at the end of the sequence that stood before the proposed ones as well; 0 when nothing is proposed. */
  get matchLength(): number {
    this.#search()
    return this.#matched
  }

  /** The token expected next, or -1. */
  get expected(): number {
    this.#search()
    return this.#source < 0 ? -1 : (this.#tokens[this.#source] as number)
  }

  /** The next token of the sequence. @throws RangeError beyond the capacity. */
  add(token: number): void {
    if (this.#length === this.#tokens.length) throw new RangeError(`a sequence of ${this.#length} tokens is full`)
    // A longest match that goes on is a longest match: a longer one would have been longer a token ago.
    if (this.#source >= 0 && this.#tokens[this.#source] === token) {
      this.#source += 1
      this.#matched += 1
    } else {
      this.#source = -1
      this.#matched = 0
      this.#searched = false
    }
    // Entered now that a token follows it, so that a search finds only places that have a continuation.
    if (this.#length >= 2) this.#enter(this.#length - 1)
    this.#tokens[this.#length] = token
    this.#length += 1
  }

  /**
   * The tokens that followed the match. Where it reaches the end of the sequence it is taken to go round, as a list
   * does.
   * @returns int32 [count], or an empty array without a match.
   */
  propose(count: number): Int32Array {
    this.#search()
    if (this.#source < 0) return new Int32Array(0)
    const draft = new Int32Array(count)
    for (let index = 0; index < count; index += 1) {
      const at = this.#source + index
      draft[index] = (at < this.#length ? this.#tokens[at] : draft[at - this.#length]) as number
    }
    return draft
  }

  #search(): void {
    if (this.#searched) return
    this.#searched = true
    const tokens = this.#tokens
    const end = this.#length - 1
    if (end < SHORTEST_MATCH) return
    let place = this.#latest[this.#hash(end)] as number
    for (let looked = 0; place >= 0 && looked < MOST_PLACES && this.#matched < LONGEST_SEARCH; looked += 1) {
      let agreeing = 0
      while (agreeing < LONGEST_SEARCH && agreeing <= place && tokens[place - agreeing] === tokens[end - agreeing])
        agreeing += 1
      if (agreeing >= SHORTEST_MATCH && agreeing > this.#matched) {
        this.#matched = agreeing
        this.#source = place + 1
      }
      place = this.#earlier[place] as number
    }
  }

  #enter(position: number): void {
    const hash = this.#hash(position)
    this.#earlier[position] = this.#latest[hash] as number
    this.#latest[hash] = position
  }

  /**
   * Of the token at a position and the one before it. Different pairs may share a hash: a search compares the tokens.
   */
  #hash(position: number): number {
    const mixed =
      Math.imul(this.#tokens[position - 1] as number, 0x9e3779b1) ^
      Math.imul(this.#tokens[position] as number, 0x85ebca6b)
    return (mixed ^ (mixed >>> 15)) & (this.#latest.length - 1)
  }
}
