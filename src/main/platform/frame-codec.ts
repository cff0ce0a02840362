import { StringDecoder } from 'node:string_decoder'

/** Limit of one message in bytes: a longer one is garbage or an attack, and must not be buffered. */
export const MAX_FRAME_BYTES = 64 * 1024 * 1024

/** One message per line, as JSON: the worst a compromised process can send is a line that does not parse. */
export function encodeFrame(message: unknown): string {
  return `${JSON.stringify(message)}\n`
}

/** Complete messages, and what is wrong with the bytes after them; null when nothing is. */
export interface Received {
  readonly messages: readonly unknown[]
  readonly garbage: string | null
}

/**
 * Splits a byte stream into messages. Node's own IPC channel is not used, because bytes that do not deserialise raise
 * an uncaught exception in the receiver: a broken engine could then end the program.
 */
export class FrameDecoder {
  readonly #limit: number
  readonly #decoder = new StringDecoder('utf8')
  #parts: string[] = []
  #pending = 0

  constructor(limit = MAX_FRAME_BYTES) {
    this.#limit = limit
  }

  /** The complete messages before the first that is too long or not JSON. The stream is unusable from there on. */
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
