/** A cache of at most `limit` values: the least recently used one is evicted and handed to `release`. */
export class RecentlyUsed<Key, Value> {
  readonly #limit: number
  readonly #release: (value: Value) => void
  /** Least recently used first. */
  readonly #values = new Map<Key, Value>()

  constructor(limit: number, release: (value: Value) => void = () => undefined) {
    this.#limit = limit
    this.#release = release
  }

  /** The value of a key, made where it is not cached. */
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

  /** The value of a key without counting as a use; undefined where it is not cached. */
  peek(key: Key): Value | undefined {
    return this.#values.get(key)
  }

  delete(key: Key): void {
    const value = this.#values.get(key)
    if (this.#values.delete(key) && value !== undefined) this.#release(value)
  }

  clear(): void {
    for (const value of this.#values.values()) this.#release(value)
    this.#values.clear()
  }
}
