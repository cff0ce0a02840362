/** Tokens that must match before a continuation is proposed; a single token (a comma, a digit) says nothing. */
export const MIN_SEARCH_MATCH = 2

/** Tokens compared by a search; a match that continues grows beyond it without a new search. */
export const MAX_SEARCH_LENGTH = 32

/** Earlier positions compared by a search, the latest first. */
export const MAX_CANDIDATES = 64

/**
 * Predicts the next tokens from the sequence itself: where the longest run of its last tokens occurred before, the
 * tokens that followed there ("Prompt Lookup Decoding", Saxena 2023). Replies that quote their prompt repeat it at
 * length.
 *
 * Positions are found as in LZ77: a hash table maps two tokens to the last position where they occurred, and each
 * position to the one before it. Adding a token takes constant time, and memory is allocated once.
 */
export class PromptLookup {
  readonly #tokens: Int32Array
  /** By hash: latest position of the second of two tokens; -1 for none. */
  readonly #latest: Int32Array
  /** By position: the previous position with the same hash, or -1. */
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

  /** Length of the match at the end of the sequence; 0 when nothing is proposed. */
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
    // A longest match that continues stays the longest: a longer one would have been longer one token ago.
    if (this.#source >= 0 && this.#tokens[this.#source] === token) {
      this.#source += 1
      this.#matched += 1
    } else {
      this.#source = -1
      this.#matched = 0
      this.#searched = false
    }
    // Entered only when a token follows, so that every position found has a continuation.
    if (this.#length >= 2) this.#enter(this.#length - 1)
    this.#tokens[this.#length] = token
    this.#length += 1
  }

  /**
   * The tokens that followed the match. Where the match reaches the end of the sequence, it is assumed to repeat.
   * @returns int32 [count]; empty without a match.
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
    if (end < MIN_SEARCH_MATCH) return
    let position = this.#latest[this.#hash(end)] as number
    for (let looked = 0; position >= 0 && looked < MAX_CANDIDATES && this.#matched < MAX_SEARCH_LENGTH; looked += 1) {
      let agreeing = 0
      while (
        agreeing < MAX_SEARCH_LENGTH &&
        agreeing <= position &&
        tokens[position - agreeing] === tokens[end - agreeing]
      )
        agreeing += 1
      if (agreeing >= MIN_SEARCH_MATCH && agreeing > this.#matched) {
        this.#matched = agreeing
        this.#source = position + 1
      }
      position = this.#earlier[position] as number
    }
  }

  #enter(position: number): void {
    const hash = this.#hash(position)
    this.#earlier[position] = this.#latest[hash] as number
    this.#latest[hash] = position
  }

  /** Hash of the token at a position and the one before it. Collisions are resolved by comparing tokens. */
  #hash(position: number): number {
    const mixed =
      Math.imul(this.#tokens[position - 1] as number, 0x9e3779b1) ^
      Math.imul(this.#tokens[position] as number, 0x85ebca6b)
    return (mixed ^ (mixed >>> 15)) & (this.#latest.length - 1)
  }
}
