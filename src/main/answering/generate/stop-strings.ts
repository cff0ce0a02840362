import type { TokenPiece } from '../answer.ts'

/** Text with the tokens it came from. */
export interface Released {
  readonly text: string
  readonly tokens: readonly TokenPiece[]
}

/**
 * Text of a reply to text that may be shown: it ends before the first stop string, even where that lies across tokens.
 * Only
 * what could still become a stop string is held back.
 */
export class StopStrings {
  readonly #stops: readonly string[]
  #held = ''
  /** In code units, like all lengths here. */
  #shown = 0
  #written = 0
  #waiting: { readonly piece: TokenPiece; readonly from: number; readonly to: number }[] = []
  #stopped = false

  constructor(stops: readonly string[]) {
    this.#stops = stops.map((stop) => stop.toWellFormed()).filter((stop) => stop !== '')
  }

  /** A stop string was reached; nothing of it and nothing after it is released. */
  get stopped(): boolean {
    return this.#stopped
  }

  /** The tokens wrote this text together; there are none where nobody asked for them. */
  push(text: string, tokens: readonly TokenPiece[]): Released {
    if (this.#stopped) return { text: '', tokens: [] }
    for (const piece of tokens) {
      const from = this.#written
      this.#written += piece.released.length
      this.#waiting.push({ piece, from, to: this.#written })
    }
    this.#held += text
    const stop = this.#firstStop()
    if (stop < 0) return this.#release(this.#held.length - this.#possibleStop())
    this.#stopped = true
    const end = this.#shown + stop
    return {
      text: this.#held.slice(0, stop),
      tokens: this.#waiting.filter(({ from, to }) => from < end || to <= end).map(({ piece }) => piece),
    }
  }

  /** What was held back. */
  end(): Released {
    return this.#stopped ? { text: '', tokens: [] } : this.#release(this.#held.length)
  }

  #release(length: number): Released {
    const text = this.#held.slice(0, length)
    this.#held = this.#held.slice(length)
    this.#shown += length
    const ready = this.#waiting.findIndex(({ to }) => to > this.#shown)
    const tokens = this.#waiting.splice(0, ready < 0 ? this.#waiting.length : ready).map(({ piece }) => piece)
    return { text, tokens }
  }

  #firstStop(): number {
    let first = -1
    for (const stop of this.#stops) {
      const at = this.#held.indexOf(stop)
      if (at >= 0 && (first < 0 || at < first)) first = at
    }
    return first
  }

  /** Length of the longest end of the held text that begins a stop string. */
  #possibleStop(): number {
    let longest = 0
    for (const stop of this.#stops) {
      for (let length = Math.min(stop.length - 1, this.#held.length); length > longest; length -= 1) {
        if (this.#held.endsWith(stop.slice(0, length))) longest = length
      }
    }
    return longest
  }
}
