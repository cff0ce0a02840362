import type { ControlToken } from './control-splitter.ts'
import type { PlainEncoder } from './text-encoder.ts'

/** Ids of texts already encoded, so that trying shorter histories encodes nothing twice. */
export type EncodeCache = Map<string, readonly number[]>

/**
 * Collects ids. Text between two control tokens is encoded as a whole, the template's and a message's together, because
 * models are trained on it that way.
 */
export class IdWriter {
  readonly #plain: PlainEncoder
  readonly #cache: EncodeCache
  readonly #ids: number[] = []
  #run = ''
  #trimNext = false

  constructor(plain: PlainEncoder, cache: EncodeCache) {
    this.#plain = plain
    this.#cache = cache
  }

  text(text: string): void {
    const added = this.#trimNext ? text.trimStart() : text
    if (added !== '') this.#trimNext = false
    this.#run += added
  }

  control(token: ControlToken): void {
    if (token.lstrip === true) this.#run = this.#run.trimEnd()
    this.#flush()
    this.#ids.push(token.id)
    this.#trimNext = token.rstrip === true
  }

  end(): readonly number[] {
    this.#flush()
    return this.#ids
  }

  #flush(): void {
    if (this.#run === '') return
    const first = this.#ids.length === 0
    const key = `${first ? '^' : ' '}${this.#run}`
    let encoded = this.#cache.get(key)
    if (encoded === undefined) {
      encoded = this.#plain.encode(this.#run, first)
      this.#cache.set(key, encoded)
    }
    for (const id of encoded) this.#ids.push(id)
    this.#run = ''
  }
}
