import type { ByteSource } from './byte-source.ts'
import { refuseSafetensors } from './refuse-safetensors.ts'
import { parseHeaderJson } from './safetensors-header-json.ts'

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

/** Longer headers are refused before they are read: the largest public models stay below a tenth of this. */
export const MAX_HEADER_BYTES = 8 * 1024 * 1024
export const MAX_TENSORS = 20_000
const MAX_RANK = 8

/**
 * Reads and checks the header of one safetensors file: 8 bytes of little-endian length, then JSON, then the data, which
 * the tensors must cover without overlap, hole or trailing bytes. Stricter than the reference: names are unique.
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
  const tensors = parseHeaderJson(file, header, MAX_TENSORS).map(({ name, dtype, shape, begin, end }): StoredTensor => {
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
  })
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
