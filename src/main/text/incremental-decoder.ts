import type { TokenTable } from './token-table.ts'

/**
 * Ids to text while they arrive. Gives whole characters only: bytes of an unfinished one wait for the next token. Bytes
 * that can never become a character give U+FFFD, as everywhere.
 */
export class IncrementalDecoder {
  readonly #table: TokenTable
  // ignoreBOM keeps a U+FEFF the model wrote.
  #utf8 = new TextDecoder('utf-8', { ignoreBOM: true })
  #stripSpace: boolean

  /** `continues`: the ids carry on a text, so a leading space belongs to it. */
  constructor(table: TokenTable, options: { readonly continues: boolean }) {
    this.#table = table
    this.#stripSpace = table.stripsLeadingSpace && !options.continues
  }

  /** The text this token completes; empty for special tokens and for a part of a character. */
  push(id: number): string {
    if (this.#table.specialIds.has(id)) return ''
    let bytes = this.#table.bytes(id)
    if (this.#stripSpace && bytes.length > 0) {
      this.#stripSpace = false
      if (bytes[0] === 0x20) bytes = bytes.subarray(1)
    }
    return this.#utf8.decode(bytes, { stream: true })
  }

  /** Ends the text; bytes of a character that was never finished are dropped. */
  end(): void {
    this.#utf8 = new TextDecoder('utf-8', { ignoreBOM: true })
  }
}
