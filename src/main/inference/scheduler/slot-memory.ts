import type { SchedulerLimits } from './plan.ts'

/**
 * The first `tokens` positions of a prompt need no computing: they are in slot `from` (the request's own slot, or one to
 * copy from).
 */
export interface Reuse {
  readonly tokens: number
  readonly from: number
}

interface SlotContent {
  /** null: not reusable. */
  key: string | null
  /** Token ids by position; allocated when the slot is first used. */
  ids: Int32Array
  length: number
  /** Use counter: the least recently used slot has the lowest. */
  used: number
}

/**
 * Shorter shared prefixes are computed again. A chunk reads every weight whatever its length, so that a few tokens less
 * save almost nothing, and every chat of a model starts with the same few template tokens.
 */
const MIN_SHARED_TOKENS = 16

/**
 * The token ids behind the KV of each slot, position by position. The scheduler records what each step ran; a slot whose
 * request ended keeps its content until another request takes the slot. Content is found only under the key it was
 * computed under, so that response times reveal nothing about the requests of others.
 */
export class SlotMemory {
  readonly #slots: readonly SlotContent[]
  readonly #contextLength: number
  readonly #copies: boolean
  #uses = 0

  constructor({
    slots,
    contextLength,
    copiesPrefixes,
  }: Pick<SchedulerLimits, 'slots' | 'contextLength' | 'copiesPrefixes'>) {
    this.#slots = Array.from({ length: slots }, () => ({ key: null, ids: new Int32Array(0), length: 0, used: 0 }))
    this.#contextLength = contextLength
    this.#copies = copiesPrefixes
  }

  /**
   * The free slot for a request: the one whose conversation it continues, else the least recently used one. A shared
   * prefix in another slot is copied from there ({@link reuse}), so that it does not evict a cached conversation.
   * @param free at least one slot, ascending.
   * @param key null for a request that shares nothing.
   */
  place(free: readonly number[], key: string | null, promptIds: readonly number[]): number {
    const oldestFirst = free.toSorted((a, b) => this.#slot(a).used - this.#slot(b).used)
    const oldest = oldestFirst[0]
    if (oldest === undefined) throw new RangeError('no slot is free')
    let best = { slot: oldest, tokens: 0 }
    for (const slot of oldestFirst) {
      const tokens = this.#shared(slot, key, promptIds)
      const continues = tokens > 0 && tokens * 2 >= this.#slot(slot).length
      // Without copies, a shared prefix must be used in place, which costs the rest of that slot's content.
      if (tokens > best.tokens && (continues || (!this.#copies && tokens >= MIN_SHARED_TOKENS))) best = { slot, tokens }
    }
    return best.slot
  }

  /**
   * What can be reused of a prompt in its slot now, from busy slots as well. The last token is always computed: its
   * logits are needed.
   */
  reuse(slot: number, key: string | null, promptIds: readonly number[]): Reuse {
    const own = this.#shared(slot, key, promptIds)
    let best: Reuse = { tokens: own, from: slot }
    if (!this.#copies) return best
    for (const other of this.#slots.keys()) {
      const tokens = other === slot ? 0 : this.#shared(other, key, promptIds)
      if (tokens >= own + MIN_SHARED_TOKENS && tokens > best.tokens) best = { tokens, from: other }
    }
    return best
  }

  /** A request starts in its slot with what it reuses. */
  begin(slot: number, key: string | null, { tokens, from }: Reuse): void {
    const content = this.#slot(slot)
    if (content.ids.length === 0) content.ids = new Int32Array(this.#contextLength)
    if (from !== slot) content.ids.set(this.#slot(from).ids.subarray(0, tokens))
    content.key = key
    content.length = tokens
    this.touch(slot)
  }

  /** Prompt tokens [start, start + count) were run at the same positions. */
  writePrompt(slot: number, ids: readonly number[], start: number, count: number): void {
    const content = this.#slot(slot)
    for (let at = start; at < start + count; at += 1) content.ids[at] = ids[at] ?? -1
    content.length = start + count
  }

  /** One token was run; the content from this position on is overwritten. */
  write(slot: number, position: number, id: number): void {
    const content = this.#slot(slot)
    content.ids[position] = id
    content.length = position + 1
  }

  /** The content of the slot is not reliable. */
  forget(slot: number): void {
    const content = this.#slot(slot)
    content.key = null
    content.length = 0
    content.used = 0
  }

  /** Marks a slot as used just now. */
  touch(slot: number): void {
    this.#slot(slot).used = this.#uses += 1
  }

  #shared(slot: number, key: string | null, ids: readonly number[]): number {
    const content = this.#slot(slot)
    if (key === null || content.key !== key) return 0
    const max = Math.min(content.length, ids.length - 1)
    let count = 0
    while (count < max && content.ids[count] === ids[count]) count += 1
    return count
  }

  #slot(slot: number): SlotContent {
    const content = this.#slots[slot]
    if (content === undefined) throw new RangeError(`slot ${slot} of ${this.#slots.length}`)
    return content
  }
}
