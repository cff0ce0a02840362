/** What the ids of a vocabulary stand for. Plain data, so that it can be transferred between threads. */
export interface TokenTableData {
  /** Bytes of all tokens, in the order of their ids. */
  readonly bytes: Uint8Array<ArrayBuffer>
  /** Where each token's bytes end, `[vocabularySize]`. */
  readonly ends: Uint32Array<ArrayBuffer>
  /** 1 for tokens the tokenizer marks as special (no text of a reply), `[vocabularySize]`. */
  readonly special: Uint8Array<ArrayBuffer>
  /** The first text of a sequence loses one leading space (SentencePiece writes one before every first word). */
  readonly stripsLeadingSpace: boolean
}

const nothing = new Uint8Array(0)

/** Turns ids into bytes by looking them up. */
export class TokenTable {
  readonly data: TokenTableData

  constructor(data: TokenTableData) {
    this.data = data
  }

  /** One more than the highest id. */
  get size(): number {
    return this.data.ends.length
  }

  get stripsLeadingSpace(): boolean {
    return this.data.stripsLeadingSpace
  }

  /** Exact bytes of one token; empty for ids that stand for nothing. */
  bytes(id: number): Uint8Array {
    const end = this.data.ends[id]
    return end === undefined ? nothing : this.data.bytes.subarray(this.data.ends[id - 1] ?? 0, end)
  }

  isSpecial(id: number): boolean {
    return this.data.special[id] === 1
  }

  /**
   * Length (LEB128) and bytes of every token, one after the other; special tokens and gaps have length 0. The form of
   * EngineModel.vocabulary (contracts/engine.ts) before base64.
   */
  pack(): Uint8Array {
    const MAX_LENGTH_BYTES = 5
    const packed = new Uint8Array(this.data.bytes.length + this.size * MAX_LENGTH_BYTES)
    let at = 0
    for (let id = 0; id < this.size; id += 1) {
      const text = this.isSpecial(id) ? nothing : this.bytes(id)
      let left = text.length
      for (; left > 0x7f; left >>= 7) {
        packed[at] = (left & 0x7f) | 0x80
        at += 1
      }
      packed[at] = left
      packed.set(text, at + 1)
      at += 1 + text.length
    }
    return packed.subarray(0, at)
  }
}
