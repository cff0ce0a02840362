import type { TokenOutput } from '../../shared/contracts/engine.ts'
import type { IncrementalDecoder } from '../tokenizer/incremental-decoder.ts'
import type { TokenPiece } from './reply-service.ts'

/** Text that may be shown, with the tokens it came from. */
export interface Released {
  readonly text: string
  readonly tokens: readonly TokenPiece[]
  /** A stop string was reached; nothing of it and nothing after it is released. */
  readonly stopped: boolean
}

/**
 * Tokens to text that may be shown: whole characters, ending before the first stop string even where that lies across
 * tokens. Only what could still become a stop string is held back.
 */
export class ReplyText {
  readonly #decoder: IncrementalDecoder
  readonly #stops: readonly string[]
  readonly #piece: ((token: TokenOutput) => TokenPiece) | null
  #held = ''
  #shown = 0
  #decoded = 0
  #waiting: { readonly piece: TokenPiece; readonly from: number; readonly to: number }[] = []

  /** `piece` makes the token pieces; null when none are asked for. */
  constructor(decoder: IncrementalDecoder, stops: readonly string[], piece: ((token: TokenOutput) => TokenPiece) | null) {
    this.#decoder = decoder
    this.#stops = stops.map((stop) => stop.toWellFormed()).filter((stop) => stop !== '')
    this.#piece = piece
  }

  push(token: TokenOutput): Released {
    const text = this.#decoder.push(token.id)
    if (this.#piece !== null) this.#waiting.push({ piece: this.#piece(token), from: this.#decoded, to: this.#decoded + text.length })
    this.#decoded += text.length
    this.#held += text
    const stop = this.#firstStop()
    if (stop >= 0) {
      const end = this.#shown + stop
      const tokens = this.#waiting.filter(({ from, to }) => from < end || to <= end).map(({ piece }) => piece)
      const released = this.#held.slice(0, stop)
      this.#held = ''
      this.#waiting = []
      return { text: released, tokens, stopped: true }
    }
    return this.#release(this.#held.length - this.#possibleStop())
  }

  /** What was held back; a character that was never finished is dropped. */
  end(): Released {
    this.#decoder.end()
    return this.#release(this.#held.length)
  }

  #release(length: number): Released {
    const text = this.#held.slice(0, length)
    this.#held = this.#held.slice(length)
    this.#shown += length
    const ready = this.#waiting.findIndex(({ to }) => to > this.#shown)
    const tokens = this.#waiting.splice(0, ready < 0 ? this.#waiting.length : ready).map(({ piece }) => piece)
    return { text, tokens, stopped: false }
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
