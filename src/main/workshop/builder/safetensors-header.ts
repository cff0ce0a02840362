import { z } from 'zod'
import type { ByteSource } from './byte-source.ts'
import { refuseSafetensors } from './refuse-safetensors.ts'

/**
 * Bytes per element. https://github.com/huggingface/safetensors/blob/main/safetensors/src/tensor.rs (whole-byte types).
 */
export const storedElementBytes = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E5M2: 1,
  F8_E4M3: 1,
  U16: 2,
  I16: 2,
  F16: 2,
  BF16: 2,
  U32: 4,
  I32: 4,
  F32: 4,
  U64: 8,
  I64: 8,
  F64: 8,
} as const

export type StoredType = keyof typeof storedElementBytes

export interface StoredTensor {
  readonly name: string
  readonly type: StoredType
  readonly shape: readonly number[]
  /** Absolute position of the first byte in the file. */
  readonly position: number
  readonly byteLength: number
}

/** Longer headers are refused unread; those of the largest public models are below a tenth of this. */
export const MAX_HEADER_BYTES = 8 * 1024 * 1024
export const MAX_TENSORS = 20_000
const MAX_RANK = 8
const MAX_NAME_LENGTH = 512

const size = z.int().min(0)
const entrySchema = z.strictObject({
  dtype: z.string(),
  shape: z.array(size),
  /** Begin and end, relative to the end of the header. */
  data_offsets: z.tuple([size, size]),
})
const metadataSchema = z.record(z.string(), z.string())

/**
 * Reads and checks the header of one safetensors file: 8 bytes of little-endian length, then JSON, then the data, which
 * the tensors must cover without overlap, hole or trailing bytes. Of a name that stands twice JSON.parse keeps the last
 * entry; the bytes of the other one then are a hole.
 * Format: https://huggingface.co/docs/safetensors/index#format
 *
 * @throws SwitchboardError invalid_safetensors, model_corrupt (file shrank).
 */
export async function readSafetensorsHeader(source: ByteSource): Promise<readonly StoredTensor[]> {
  if (source.size < 8) refuseSafetensors(source.name, 'length', `${source.size} bytes are too few for a header`)
  const prefix = new Uint8Array(8)
  await source.read(prefix, 0)
  const headerBytes = new DataView(prefix.buffer).getBigUint64(0, true)
  if (headerBytes > BigInt(MAX_HEADER_BYTES))
    refuseSafetensors(
      source.name,
      'header_size',
      `the header claims ${headerBytes} bytes, more than ${MAX_HEADER_BYTES}`,
    )
  if (headerBytes > BigInt(source.size - 8))
    refuseSafetensors(source.name, 'header_size', `the header claims ${headerBytes} bytes, the file has ${source.size}`)
  const header = new Uint8Array(Number(headerBytes))
  await source.read(header, 8)
  return parseSafetensorsHeader(source.name, header, source.size)
}

/** The checked tensors of a header, in the order of their data. `fileSize` is the length of the whole file. */
export function parseSafetensorsHeader(file: string, header: Uint8Array, fileSize: number): readonly StoredTensor[] {
  const dataStart = 8 + header.byteLength
  const tensors = parseEntries(file, header).map(
    ([
      name,
      {
        dtype,
        shape,
        data_offsets: [begin, end],
      },
    ]): StoredTensor => {
      if (name.length === 0 || name.length > MAX_NAME_LENGTH)
        refuseSafetensors(file, 'name', `a tensor name has ${name.length} characters`)
      if (!Object.hasOwn(storedElementBytes, dtype))
        refuseSafetensors(file, 'dtype', `tensor ${name} has the unknown type ${dtype.slice(0, 32)}`, name)
      const type = dtype as StoredType
      if (shape.length > MAX_RANK)
        refuseSafetensors(
          file,
          'shape',
          `tensor ${name} has ${shape.length} dimensions, at most ${MAX_RANK} are read`,
          name,
        )
      const byteLength = shape.reduce((product, extent) => product * extent, storedElementBytes[type])
      if (!Number.isSafeInteger(byteLength))
        refuseSafetensors(file, 'shape', `tensor ${name} is larger than any file`, name)
      if (end < begin || end - begin !== byteLength) {
        refuseSafetensors(
          file,
          'size',
          `tensor ${name} of type ${type} and shape [${shape.join(', ')}] needs ${byteLength} bytes, its offsets span ${end - begin}`,
          name,
        )
      }
      return { name, type, shape, position: dataStart + begin, byteLength }
    },
  )
  tensors.sort((a, b) => a.position - b.position || a.byteLength - b.byteLength)
  let covered = dataStart
  for (const tensor of tensors) {
    if (tensor.position < covered)
      refuseSafetensors(file, 'overlap', `tensor ${tensor.name} overlaps the one before it`, tensor.name)
    if (tensor.position > covered)
      refuseSafetensors(
        file,
        'hole',
        `${tensor.position - covered} bytes before tensor ${tensor.name} belong to no tensor`,
        tensor.name,
      )
    covered += tensor.byteLength
  }
  if (covered !== fileSize)
    refuseSafetensors(file, 'file_size', `tensors end at byte ${covered}, the file at ${fileSize}`)
  return tensors
}

/** The entries of the header's JSON, of the right form but not yet compared with the file. */
function parseEntries(file: string, header: Uint8Array): readonly (readonly [string, z.infer<typeof entrySchema>])[] {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(header)
  } catch {
    // TextDecoder reports invalid bytes as a TypeError without a position
    return refuseSafetensors(file, 'utf8', 'the header is not valid UTF-8')
  }
  if (!text.startsWith('{')) refuseSafetensors(file, 'json', 'the header does not start with {')
  let json: Readonly<Record<string, unknown>>
  try {
    json = JSON.parse(text) as Readonly<Record<string, unknown>>
  } catch {
    // the parser's message quotes the header, which may be megabytes of anything
    return refuseSafetensors(file, 'json', 'the header is not valid JSON')
  }
  const { __metadata__: metadata, ...tensors } = json
  if (!metadataSchema.optional().safeParse(metadata).success)
    refuseSafetensors(file, 'json', '__metadata__ is not a table of texts')
  const entries = Object.entries(tensors)
  if (entries.length > MAX_TENSORS)
    refuseSafetensors(file, 'tensor_count', `the header has ${entries.length} tensors, more than ${MAX_TENSORS}`)
  return entries.map(([name, entry]) => {
    const parsed = entrySchema.safeParse(entry)
    if (!parsed.success)
      return refuseSafetensors(
        file,
        'json',
        `tensor ${name.slice(0, MAX_NAME_LENGTH)} needs dtype, shape and two data_offsets, and nothing else`,
        name.slice(0, MAX_NAME_LENGTH),
      )
    return [name, parsed.data]
  })
}
