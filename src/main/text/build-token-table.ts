import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import { TokenTable } from './token-table.ts'
import type { TokenizerJson } from './tokenizer-json.ts'

/** How the text of a token is written in the vocabulary. */
type TokenAlphabet = 'byte-level' | 'byte-fallback'

/** The vocabulary of tokenizer.json. */
export interface Vocabulary {
  readonly table: TokenTable
  /** Bytes of the longest token that text can become. */
  readonly maxTokenBytes: number
  /** Ids of all special and added tokens: none of them may come from text. */
  readonly controlIds: ReadonlySet<number>
}

const encoder = new TextEncoder()

/**
 * @throws SwitchboardError tokenizer_invalid for a decoder that is neither byte-level nor byte-fallback, and for a
 * vocabulary without a token for every byte.
 */
export function readVocabulary(json: TokenizerJson): Vocabulary {
  const alphabet = alphabetOf(json)
  const entries: Uint8Array[] = []
  const decode = alphabet === 'byte-level' ? byteLevelBytes : byteFallbackBytes
  for (const [token, id] of Object.entries(json.model.vocab)) entries[id] = decode(token)
  for (const { id, content } of json.added_tokens) entries[id] = encoder.encode(content)
  requireEveryByte(entries, alphabet)

  const controlIds = new Set(json.added_tokens.map(({ id }) => id))
  const ends = new Uint32Array(entries.length)
  let total = 0
  let maxTokenBytes = 1
  // Also visits the gaps of a sparse array.
  for (const [id, entry] of entries.entries()) {
    total += entry?.length ?? 0
    ends[id] = total
    if (entry !== undefined && entry.length > maxTokenBytes && !controlIds.has(id)) maxTokenBytes = entry.length
  }
  const bytes = new Uint8Array(total)
  for (const [id, entry] of entries.entries()) if (entry !== undefined) bytes.set(entry, ends[id - 1] ?? 0)
  const special = new Uint8Array(entries.length)
  for (const token of json.added_tokens) if (token.special) special[token.id] = 1
  const stripsLeadingSpace = decodingSteps(json).some(
    (step) => step['type'] === 'Strip' && step['content'] === ' ' && step['start'] === 1,
  )
  return { table: new TokenTable({ bytes, ends, special, stripsLeadingSpace }), maxTokenBytes, controlIds }
}

function alphabetOf(json: TokenizerJson): TokenAlphabet {
  const kinds = decodingSteps(json).map((step) => step['type'])
  if (kinds.includes('ByteLevel')) return 'byte-level'
  if (kinds.includes('ByteFallback')) return 'byte-fallback'
  throw new SwitchboardError(
    'tokenizer_invalid',
    `tokenizer.json: decoder ${JSON.stringify(kinds[0] ?? null)} is not supported; expected ByteLevel or ByteFallback`,
  )
}

function decodingSteps(json: TokenizerJson): readonly Readonly<Record<string, unknown>>[] {
  if (json.decoder === null) return []
  const { decoders } = json.decoder
  return Array.isArray(decoders) ? (decoders as Readonly<Record<string, unknown>>[]) : [json.decoder]
}

/** Without a token for every byte, some text could only be encoded as the unknown token. */
function requireEveryByte(entries: readonly Uint8Array[], alphabet: TokenAlphabet): void {
  const present = new Set<number>()
  for (const entry of entries) if (entry?.length === 1) present.add(entry[0] ?? 0)
  for (let byte = 0; byte < 256; byte += 1) {
    // Never part of UTF-8, so they may be missing.
    if (byte === 0xc0 || byte === 0xc1 || byte >= 0xf5) continue
    if (!present.has(byte))
      throw new SwitchboardError(
        'tokenizer_invalid',
        `tokenizer.json: the ${alphabet} vocabulary has no token for byte 0x${byte.toString(16)}`,
      )
  }
}

/**
 * The printable characters that stand for bytes in byte-level BPE: bytes 33-126, 161-172 and 174-255 stand for
 * themselves; U+0100 and up stand for the others, in order (GPT-2, encoder.py, bytes_to_unicode).
 */
const byteOfCharacter: ReadonlyMap<string, number> = (() => {
  const map = new Map<string, number>()
  let next = 0x100
  for (let byte = 0; byte < 256; byte += 1) {
    const printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174
    map.set(String.fromCharCode(printable ? byte : next), byte)
    if (!printable) next += 1
  }
  return map
})()

function byteLevelBytes(token: string): Uint8Array {
  const bytes = new Uint8Array(token.length)
  for (let index = 0; index < token.length; index += 1) {
    const byte = byteOfCharacter.get(token[index] ?? '')
    // A token outside the alphabet was added to the vocabulary as plain text.
    if (byte === undefined) return encoder.encode(token)
    bytes[index] = byte
  }
  return bytes
}

const byteToken = /^<0x([0-9A-Fa-f]{2})>$/

/** SentencePiece: `<0xNN>` is a byte, `▁` a space. */
function byteFallbackBytes(token: string): Uint8Array {
  const byte = byteToken.exec(token)?.[1]
  return byte === undefined ? encoder.encode(token.replaceAll('\u2581', ' ')) : Uint8Array.of(Number.parseInt(byte, 16))
}
