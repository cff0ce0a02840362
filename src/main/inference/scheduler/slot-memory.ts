/** What a request may share: KV is reused only where the key is the same. */
export interface CacheUse {
  readonly key: string
  /** The prompt. */
  readonly ids: readonly number[]
}

/**
 * The first `tokens` positions of a prompt need no computing: they lie in slot `from` (the request's own, or one to
 * copy from).
 */
export interface Reuse {
  readonly tokens: number
  readonly from: number
}

interface Held {
  /** null: nobody may reuse it. */
  key: string | null
  /** Ids in the order of their positions; made when the slot is first used. */
  ids: Int32Array
  length: number
  /** Counts uses: the least recently used slot has the lowest. */
  used: number
}

/**
 * Fewer shared tokens than this are computed again: a chunk reads every weight whatever its length, so a few tokens
 * less save
 * next to nothing, and every chat of a model begins with the same few tokens of its template.
 */
const WORTHWHILE_TOKENS = 16

/**
 * Which token ids the KV of each slot stands for, position by position. Whoever runs tokens writes them down here; a
 * slot whose
 * request ended keeps them until another takes it. Only what was computed under the same key is ever found, so that
 * nobody can
 * learn from a fast answer what somebody else asked.
 */
export class SlotMemory {
  readonly #slots: readonly Held[]
  readonly #contextLength: number
  readonly #copies: boolean
  #uses = 0

  /** @param copies whether KV can be copied from slot to slot; otherwise it is reused where it lies. */
  constructor({
    slots,
    contextLength,
    copies,
  }: {
    readonly slots: number
    readonly contextLength: number
    readonly copies: boolean
  }) {
    this.#slots = Array.from({ length: slots }, () => ({ key: null, ids: new Int32Array(0), length: 0, used: 0 }))
    this.#contextLength = contextLength
    this.#copies = copies
  }

  /**
   * The free slot a request takes: the one whose conversation it continues; else the least recently used one, which
   * receives a
   * copy of what other slots share with the prompt (see {@link reuse}), so that a common beginning costs nobody his
   * conversation.
   * @param free at least one slot, ascending.
   */
  place(free: readonly number[], cache: CacheUse | null): number {
    const oldestFirst = free.toSorted((a, b) => this.#slot(a).used - this.#slot(b).used)
    const oldest = oldestFirst[0]
    if (oldest === undefined) throw new RangeError('no slot is free')
    let best = { slot: oldest, tokens: 0 }
    if (cache === null) return oldest
    for (const slot of oldestFirst) {
      const tokens = this.#shared(slot, cache)
      const continues = tokens > 0 && tokens * 2 >= this.#slot(slot).length
      // Where nothing can be copied, a shared beginning has to be used where it lies, at the price of what follows it.
      if (tokens > best.tokens && (continues || (!this.#copies && tokens >= WORTHWHILE_TOKENS))) best = { slot, tokens }
    }
    return best.slot
  }

  /**
   * What of a prompt can be taken over into its slot at this moment; busy slots count as well. The last token never
   * can: its logits are wanted.
   */
  reuse(slot: number, cache: CacheUse | null): Reuse {
    if (cache === null) return { tokens: 0, from: slot }
    const own = this.#shared(slot, cache)
    let best: Reuse = { tokens: own, from: slot }
    if (!this.#copies) return best
    for (const other of this.#slots.keys()) {
      const tokens = other === slot ? 0 : this.#shared(other, cache)
      if (tokens >= own + WORTHWHILE_TOKENS && tokens > best.tokens) best = { tokens, from: other }
    }
    return best
  }

  /** A request begins in its slot, with what it took over. */
  begin(slot: number, key: string | null, { tokens, from }: Reuse): void {
    const held = this.#slot(slot)
    if (held.ids.length === 0) held.ids = new Int32Array(this.#contextLength)
    if (from !== slot) held.ids.set(this.#slot(from).ids.subarray(0, tokens))
    held.key = key
    held.length = tokens
    this.touch(slot)
  }

  /** Prompt tokens [start, start + count) were run at the same positions. */
  writePrompt(slot: number, ids: readonly number[], start: number, count: number): void {
    const held = this.#slot(slot)
    for (let at = start; at < start + count; at += 1) held.ids[at] = ids[at] ?? -1
    held.length = start + count
  }

  /** One token was run; whatever the slot held from this position on is gone. */
  write(slot: number, position: number, id: number): void {
    const held = this.#slot(slot)
    held.ids[position] = id
    held.length = position + 1
  }

  /** What the slot holds cannot be relied on. */
  forget(slot: number): void {
    const held = this.#slot(slot)
    held.key = null
    held.length = 0
    held.used = 0
  }

  /** Counts as used just now. */
  touch(slot: number): void {
    this.#slot(slot).used = this.#uses += 1
  }

  #shared(slot: number, { key, ids }: CacheUse): number {
    const held = this.#slot(slot)
    if (held.key !== key) return 0
    const most = Math.min(held.length, ids.length - 1)
    let count = 0
    while (count < most && held.ids[count] === ids[count]) count += 1
    return count
  }

  #slot(slot: number): Held {
    const held = this.#slots[slot]
    if (held === undefined) throw new RangeError(`slot ${slot} of ${this.#slots.length}`)
    return held
  }
}
