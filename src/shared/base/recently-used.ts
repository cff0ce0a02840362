/** Keeps a limited number of values, evicts the least recently used one. */
export class RecentlyUsed<Key, Value> {
  readonly #limit: number
  readonly #release: (value: Value) => void
  /** Least recently used first. */
  readonly #values = new Map<Key, Value>()

  /** @param release is given each value that is evicted or cleared. */
  constructor(limit: number, release: (value: Value) => void = () => undefined) {
    this.#limit = limit
    this.#release = release
  }

  get size(): number {
    return this.#values.size
  }

  /** The value of a key; made when there is none. */
  get(key: Key, make: () => Value): Value {
    const known = this.#values.get(key)
    const value = known ?? make()
    if (known !== undefined) this.#values.delete(key)
    this.#values.set(key, value)
    const oldest = this.#values.entries().next()
    if (this.#values.size > this.#limit && oldest.done !== true) {
      this.#values.delete(oldest.value[0])
      this.#release(oldest.value[1])
    }
    return value
  }

  /** The value of a key, without counting as a use. */
  peek(key: Key): Value | undefined {
    return this.#values.get(key)
  }

  clear(): void {
    for (const value of this.#values.values()) this.#release(value)
    this.#values.clear()
  }
}
