import { StringDecoder } from 'node:string_decoder'

/** Bytes of one message that are accepted; more is garbage or an attack, and must not become memory. */
export const MAX_FRAME_BYTES = 64 * 1024 * 1024

/** One message a line, as JSON: what a compromised process may write is then, at worst, a line that does not parse. */
export function encodeFrame(message: unknown): string {
  return `${JSON.stringify(message)}\n`
}

/** What arrived: whole messages, and what is wrong with the bytes after them, if anything is. */
export interface Received {
  readonly messages: readonly unknown[]
  readonly garbage: string | null
}

/**
 * Cuts a byte stream into messages. Node's own IPC channel is not used between processes because bytes that are no
 * valid
 * serialisation raise an uncaught exception in the receiver, which would let a broken engine end the program.
 */
export class FrameDecoder {
  readonly #limit: number
  readonly #decoder = new StringDecoder('utf8')
  #parts: string[] = []
  #pending = 0

  constructor(limit = MAX_FRAME_BYTES) {
    this.#limit = limit
  }

  /** Every whole message up to the first that is too long or not JSON; from that one on the stream is unusable. */
  push(bytes: Buffer): Received {
    const messages: unknown[] = []
    let rest = this.#decoder.write(bytes)
    for (let end = rest.indexOf('\n'); end >= 0; end = rest.indexOf('\n')) {
      const line = this.#parts.length === 0 ? rest.slice(0, end) : this.#parts.join('') + rest.slice(0, end)
      this.#parts = []
      this.#pending = 0
      rest = rest.slice(end + 1)
      try {
        messages.push(JSON.parse(line))
      } catch {
        return { messages, garbage: 'a message is not JSON' }
      }
    }
    this.#pending += rest.length
    if (this.#pending > this.#limit) return { messages, garbage: `a message exceeds ${this.#limit} bytes` }
    if (rest !== '') this.#parts.push(rest)
    return { messages, garbage: null }
  }
}
