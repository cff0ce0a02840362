import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openModelFolder } from '../workshop/model-folder.ts'
import { inStoredOrder } from '../workshop/builder/weight-stream.ts'
import { blockScales, packBlocks, unpackBlocks } from '../workshop/quantizer/round-to-nearest.ts'
import type { PrecisionScheme } from '../workshop/quantizer/scheme.ts'

/**
 * A checkpoint whose matrices are, in float32, exactly what the codes of a scheme stand for; everything else unchanged.
 */
export async function writeDequantised(
  source: string,
  target: string,
  { layers, vocabulary }: PrecisionScheme,
): Promise<void> {
  await mkdir(target)
  await copyFile(join(source, 'config.json'), join(target, 'config.json'))
  const { checkpoint, close } = await openModelFolder(source)
  const header: Record<string, { dtype: 'F32'; shape: readonly number[]; data_offsets: readonly [number, number] }> = {}
  const parts: Uint8Array[] = []
  let offset = 0
  for (const { name, shape } of checkpoint.tensors()) {
    const pieces: Uint8Array[] = []
    for await (const piece of inStoredOrder([checkpoint.take(name, shape)])()) pieces.push(piece.slice())
    let bytes: Uint8Array = Buffer.concat(pieces)
    const [, width] = shape
    if (width !== undefined) {
      const scheme = name.includes('.layers.') ? layers : vocabulary
      const values = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength))
      bytes = new Uint8Array(
        unpackBlocks(packBlocks(values, width, scheme), blockScales(values, width, scheme), width, scheme).buffer,
      )
    }
    header[name] = { dtype: 'F32', shape, data_offsets: [offset, offset + bytes.byteLength] }
    parts.push(bytes)
    offset += bytes.byteLength
  }
  await close()
  const text = JSON.stringify(header)
  const padded = Buffer.from(text.padEnd(Math.ceil(text.length / 8) * 8))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(padded.length))
  await writeFile(join(target, 'model.safetensors'), Buffer.concat([length, padded, ...parts]))
}
