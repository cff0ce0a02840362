import type { TokenTable } from './token-table.ts'

/**
 * Turns ids into text as they arrive. Returns whole characters only: bytes of an unfinished character wait for the next
 * token. Bytes that cannot become a character give U+FFFD.
 */
export class IncrementalDecoder {
  readonly #table: TokenTable
  // Keeps a U+FEFF that the model wrote.
  #utf8 = new TextDecoder('utf-8', { ignoreBOM: true })
  #stripSpace: boolean

  /** `continues`: the ids continue a text, so a leading space belongs to it. */
  constructor(table: TokenTable, options: { readonly continues: boolean }) {
    this.#table = table
    this.#stripSpace = table.stripsLeadingSpace && !options.continues
  }

  /** The text this token completes; empty for special tokens and for a part of a character. */
  push(id: number): string {
    if (this.#table.isSpecial(id)) return ''
    let bytes = this.#table.bytes(id)
    if (this.#stripSpace && bytes.length > 0) {
      this.#stripSpace = false
      if (bytes[0] === 0x20) bytes = bytes.subarray(1)
    }
    return this.#utf8.decode(bytes, { stream: true })
  }

  /** Ends the text; bytes of an unfinished character are dropped. */
  end(): void {
    this.#utf8 = new TextDecoder('utf-8', { ignoreBOM: true })
  }
}

/** Whole text of ids; special tokens give none. */
export function decodeIds(table: TokenTable, ids: readonly number[]): string {
  const decoder = new IncrementalDecoder(table, { continues: false })
  return ids.map((id) => decoder.push(id)).join('')
}
