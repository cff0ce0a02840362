import { StringDecoder } from 'node:string_decoder'

/** Bytes of one message that are accepted; more is garbage or an attack, and must not become memory. */
export const MAX_FRAME_BYTES = 64 * 1024 * 1024

/** One message a line, as JSON: what a compromised process may write is then, at worst, a line that does not parse. */
export function encodeFrame(message: unknown): string {
  return `${JSON.stringify(message)}\n`
}

/**
 * Cuts a byte stream into messages. Node's own IPC channel is not used between processes because bytes that are no valid
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

  /** @throws TypeError when a line is too long or not JSON; the stream is unusable from then on. */
  push(bytes: Buffer): unknown[] {
    const messages: unknown[] = []
    let rest = this.#decoder.write(bytes)
    for (let end = rest.indexOf('\n'); end >= 0; end = rest.indexOf('\n')) {
      const line = this.#parts.length === 0 ? rest.slice(0, end) : this.#parts.join('') + rest.slice(0, end)
      this.#parts = []
      this.#pending = 0
      rest = rest.slice(end + 1)
      messages.push(parse(line))
    }
    if (rest !== '') {
      this.#parts.push(rest)
      this.#pending += rest.length
      if (this.#pending > this.#limit) throw new TypeError(`a message exceeds ${this.#limit} bytes`)
    }
    return messages
  }
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch (cause) {
    throw new TypeError('a message is not JSON', { cause })
  }
}
