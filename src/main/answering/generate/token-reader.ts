import type { TokenOutput } from '../../../shared/contracts/engine.ts'
import type { IncrementalDecoder } from '../../text/incremental-decoder.ts'
import type { TokenPiece } from '../answer.ts'
import { StopStrings } from './stop-strings.ts'
import { ToolCallReader, type ReplyPart } from './tool-call-reader.ts'

export interface TokenReaderOptions {
  readonly decoder: IncrementalDecoder
  /** Makes the pieces of tokens; null when none are asked for. */
  readonly piece: ((token: TokenOutput, released: string) => TokenPiece) | null
  readonly stops: readonly string[]
  readonly mayCallTools: boolean
}

/**
 * Tokens of a reply to its parts. Stop strings end what is said to the customer and nothing else: a call of a tool is
 * written
 * in marks that nobody who sends them ever sees.
 */
export class TokenReader {
  readonly #decoder: IncrementalDecoder
  readonly #piece: TokenReaderOptions['piece']
  readonly #calls: ToolCallReader<TokenPiece> | null
  readonly #text: StopStrings
  #taken = 0

  constructor({ decoder, piece, stops, mayCallTools }: TokenReaderOptions) {
    this.#decoder = decoder
    this.#piece = piece
    this.#calls = mayCallTools ? new ToolCallReader() : null
    this.#text = new StopStrings(stops)
  }

  /** A stop string was reached; nothing more comes. */
  get stopped(): boolean {
    return this.#text.stopped
  }

  /** Tokens read, up to the stop string if there was one. */
  get taken(): number {
    return this.#taken
  }

  /** The tokens of one step; their text comes in one part. */
  push(tokens: readonly TokenOutput[]): readonly ReplyPart<TokenPiece>[] {
    const parts: ReplyPart<TokenPiece>[] = []
    for (const token of tokens) {
      if (this.stopped) break
      this.#taken += 1
      const text = this.#decoder.push(token.id)
      const pieces = this.#piece === null ? [] : [this.#piece(token, text)]
      this.#read(
        this.#calls === null ? [{ kind: 'content', text, tokens: pieces }] : this.#calls.push(text, pieces),
        parts,
      )
    }
    return parts
  }

  /** What was held back; a character that was never finished is dropped. */
  end(): readonly ReplyPart<TokenPiece>[] {
    const parts: ReplyPart<TokenPiece>[] = []
    this.#decoder.end()
    this.#read(this.#calls?.end() ?? [], parts)
    addContent(parts, this.#text.end())
    return parts
  }

  #read(found: readonly ReplyPart<TokenPiece>[], parts: ReplyPart<TokenPiece>[]): void {
    for (const part of found) {
      if (part.kind === 'content') addContent(parts, this.#text.push(part.text, part.tokens))
      else parts.push(part)
    }
  }
}

function addContent(
  parts: ReplyPart<TokenPiece>[],
  { text, tokens }: { readonly text: string; readonly tokens: readonly TokenPiece[] },
): void {
  if (text === '' && tokens.length === 0) return
  const last = parts.at(-1)
  if (last?.kind === 'content')
    parts[parts.length - 1] = { kind: 'content', text: last.text + text, tokens: [...last.tokens, ...tokens] }
  else parts.push({ kind: 'content', text, tokens })
}
