/** Keeps so many values that were used last and gives the others back. */
export class RecentlyUsed<Key, Value> {
  readonly #limit: number
  readonly #release: (value: Value) => void
  /** Longest unused first. */
  readonly #values = new Map<Key, Value>()

  constructor(limit: number, release: (value: Value) => void) {
    this.#limit = limit
    this.#release = release
  }

  /** The value of a key, made where it is not kept. */
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

  clear(): void {
    for (const value of this.#values.values()) this.#release(value)
    this.#values.clear()
  }
}
