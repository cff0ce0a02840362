import { SwitchboardError } from '../../../shared/errors/switchboard-error.ts'

/**
 * The bytes of all tokens as one tree in depth-first order. A subtree is a contiguous range of nodes, so that it is
 * walked and skipped without recursion.
 */
export interface Vocabulary {
  /** Number of ids, including those without bytes. */
  readonly size: number
  /** Number of int32 words of a set of ids. */
  readonly words: number
  /** Number of nodes, without the root. */
  readonly nodes: number
  /** uint8 [nodes]: last byte of the node's text. */
  readonly byte: Uint8Array
  /** uint16 [nodes]: bytes of the node's text. */
  readonly depth: Uint16Array
  /** int32 [nodes]: first node after the subtree. */
  readonly end: Int32Array
  /** int32 [nodes + 1]: tokens [firstToken[n], firstToken[n + 1]) of `tokens` are exactly the node's text. */
  readonly firstToken: Int32Array
  /** int32: ids in depth-first order. */
  readonly tokens: Int32Array
  /** Bytes of one token; empty for tokens that no grammar allows. */
  bytes(id: number): Uint8Array
}

/** Longer tokens are never allowed; the longest in use are runs of blanks. */
const MAX_TOKEN_BYTES = 1024

/**
 * Reads a packed table (contracts/engine.ts, EngineModel.vocabulary). Tokens without bytes (control tokens, gaps) and
 * ids outside the vocabulary of the graph belong to no grammar.
 * @param size logits of the model.
 * @throws SwitchboardError model_corrupt when the table is truncated.
 */
export function readVocabulary(packed: Uint8Array, size: number): Vocabulary {
  const texts: string[] = []
  const starts: number[] = []
  let at = 0
  while (at < packed.length) {
    let length = 0
    let shift = 0
    for (;;) {
      const byte = packed[at]
      if (byte === undefined || shift > 21) throw damaged()
      at += 1
      length |= (byte & 0x7f) << shift
      if (byte < 0x80) break
      shift += 7
    }
    if (at + length > packed.length) throw damaged()
    // One character per byte, because sorting strings is fast.
    texts.push(length > MAX_TOKEN_BYTES ? '' : latin1(packed, at, length))
    starts.push(at)
    at += length
  }
  const offsets = Int32Array.from(starts)
  const lengths = Uint16Array.from(texts, (text) => text.length)
  return {
    ...buildTree(texts.slice(0, size)),
    size,
    words: Math.ceil(size / 32),
    bytes: (id) => packed.subarray(offsets[id] ?? 0, (offsets[id] ?? 0) + (lengths[id] ?? 0)),
  }
}

const damaged = (): SwitchboardError => new SwitchboardError('model_corrupt', 'the table of tokens is cut off')

function latin1(bytes: Uint8Array, start: number, length: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, length).toString('latin1')
}

/**
 * Ids of the texts that are not empty, ordered by text. The first four bytes are sorted as numbers, which decides
 * almost all.
 */
function sortedIds(texts: readonly string[]): Int32Array {
  const keys = new Float64Array(texts.reduce((count, text) => count + (text === '' ? 0 : 1), 0))
  const idRange = 2 ** 20
  let count = 0
  for (const [id, text] of texts.entries()) {
    if (text === '') continue
    let first = 0
    for (let at = 0; at < 4; at += 1) first = first * 256 + (at < text.length ? text.charCodeAt(at) : 0)
    keys[count] = first * idRange + id
    count += 1
  }
  keys.sort()
  const textOf = (id: number): string => texts[id] ?? ''
  const ids = Int32Array.from(keys, (key) => key % idRange)
  for (let start = 0; start < count;) {
    const first = Math.floor((keys[start] as number) / idRange)
    let end = start + 1
    while (end < count && Math.floor((keys[end] as number) / idRange) === first) end += 1
    if (end - start > 1)
      ids.subarray(start, end).sort((a, b) => (textOf(a) < textOf(b) ? -1 : textOf(a) > textOf(b) ? 1 : a - b))
    start = end
  }
  return ids
}

function buildTree(texts: readonly string[]): Omit<Vocabulary, 'size' | 'words' | 'bytes'> {
  const order = sortedIds(texts)
  const textOf = (id: number): string => texts[id] ?? ''
  let nodes = 0
  let previous = ''
  for (const id of order) {
    const text = textOf(id)
    nodes += text.length - sharedLength(previous, text)
    previous = text
  }
  const byte = new Uint8Array(nodes)
  const depth = new Uint16Array(nodes)
  const end = new Int32Array(nodes)
  const firstToken = new Int32Array(nodes + 1)
  // The node at each depth on the path to the current one.
  const open: number[] = []
  let node = 0
  previous = ''
  for (const [index, id] of order.entries()) {
    const text = textOf(id)
    const shared = sharedLength(previous, text)
    while (open.length > shared) end[open.pop() ?? 0] = node
    for (let length = shared; length < text.length; length += 1) {
      byte[node] = text.charCodeAt(length)
      depth[node] = length + 1
      firstToken[node] = index
      open.push(node)
      node += 1
    }
    previous = text
  }
  for (const left of open) end[left] = nodes
  firstToken[nodes] = order.length
  return { nodes, byte, depth, end, firstToken, tokens: order }
}

function sharedLength(a: string, b: string): number {
  const most = Math.min(a.length, b.length)
  let length = 0
  while (length < most && a.charCodeAt(length) === b.charCodeAt(length)) length += 1
  return length
}
