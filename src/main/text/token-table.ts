import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import type { AddedTokenJson, TokenizerJson } from './tokenizer-json.ts'

/** How the text of a token is written in the vocabulary. */
export type TokenAlphabet = 'byte-level' | 'byte-fallback'

/** Exact bytes of every token. */
export interface TokenTable {
  readonly alphabet: TokenAlphabet
  /** One more than the highest id. */
  readonly size: number
  /** The most bytes of text one token stands for. */
  readonly maxTokenBytes: number
  /** Ids of all special and added tokens: none of them may come from text. */
  readonly controlIds: ReadonlySet<number>
  /** Ids the tokenizer marks as special: they carry no text of the reply. */
  readonly specialIds: ReadonlySet<number>
  /** The first text of a sequence loses one leading space (SentencePiece writes one before every first word). */
  readonly stripsLeadingSpace: boolean
  /** Empty for ids that stand for nothing. */
  bytes(id: number): Uint8Array
}

const nothing = new Uint8Array(0)
const encoder = new TextEncoder()

/** @throws SwitchboardError tokenizer_invalid for a decoder that is neither byte-level nor byte-fallback. */
export function buildTokenTable(json: TokenizerJson): TokenTable {
  const alphabet = alphabetOf(json)
  const entries: Uint8Array[] = []
  const decode = alphabet === 'byte-level' ? byteLevelBytes : byteFallbackBytes
  for (const [token, id] of Object.entries(json.model.vocab)) entries[id] = decode(token)
  for (const { id, content } of json.added_tokens) entries[id] = encoder.encode(content)
  requireEveryByte(entries, alphabet)
  let longest = 1
  const ids = (tokens: readonly AddedTokenJson[]): Set<number> => new Set(tokens.map(({ id }) => id))
  const controlIds = ids(json.added_tokens)
  for (const [id, entry] of entries.entries())
    if (entry !== undefined && entry.length > longest && !controlIds.has(id)) longest = entry.length
  return {
    alphabet,
    size: entries.length,
    maxTokenBytes: longest,
    controlIds,
    specialIds: ids(json.added_tokens.filter(({ special }) => special)),
    stripsLeadingSpace: steps(json).some(
      (step) => step['type'] === 'Strip' && step['content'] === ' ' && step['start'] === 1,
    ),
    bytes: (id) => entries[id] ?? nothing,
  }
}

/** Length (LEB128) and bytes of every token, one after the other; special tokens and gaps have length 0. */
export function packTokens({ size, specialIds, bytes }: TokenTable): Uint8Array {
  const shown = (id: number): Uint8Array => (specialIds.has(id) ? nothing : bytes(id))
  let total = 0
  for (let id = 0; id < size; id += 1) total += shown(id).length + 4
  const packed = new Uint8Array(total)
  let at = 0
  for (let id = 0; id < size; id += 1) {
    const text = shown(id)
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

function alphabetOf(json: TokenizerJson): TokenAlphabet {
  const kinds = steps(json).map((step) => step['type'])
  if (kinds.includes('ByteLevel')) return 'byte-level'
  if (kinds.includes('ByteFallback')) return 'byte-fallback'
  throw new SwitchboardError(
    'tokenizer_invalid',
    `tokenizer.json: decoder ${JSON.stringify(kinds[0] ?? null)} is not supported; expected ByteLevel or ByteFallback`,
  )
}

function steps(json: TokenizerJson): readonly Readonly<Record<string, unknown>>[] {
  if (json.decoder === null) return []
  const { decoders } = json.decoder
  return Array.isArray(decoders) ? (decoders as Readonly<Record<string, unknown>>[]) : [json.decoder]
}

/** Without a token for every byte some text could not be encoded, and would become the unknown token instead. */
function requireEveryByte(entries: readonly Uint8Array[], alphabet: TokenAlphabet): void {
  const present = new Set<number>()
  for (const entry of entries) if (entry?.length === 1) present.add(entry[0] ?? 0)
  for (let byte = 0; byte < 256; byte += 1) {
    // Bytes that no UTF-8 text holds may be missing.
    if (byte === 0xc0 || byte === 0xc1 || byte >= 0xf5) continue
    if (!present.has(byte))
      throw new SwitchboardError(
        'tokenizer_invalid',
        `tokenizer.json: the ${alphabet} vocabulary has no token for byte 0x${byte.toString(16)}`,
      )
  }
}

/**
 * The printable stand-ins that byte-level BPE writes for bytes: bytes 33-126, 161-172 and 174-255 stand for themselves,
 * the others for U+0100 and up, in order (GPT-2, encoder.py, bytes_to_unicode).
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
    // A token outside the alphabet can only be one that was written into the vocabulary as it is.
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
