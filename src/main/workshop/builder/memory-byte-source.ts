import { SwitchboardError } from '../../../shared/errors/switchboard-error.ts'
import type { ByteSource } from './byte-source.ts'

/** A {@link ByteSource} over bytes in memory, for tests. */
export function memoryByteSource(name: string, bytes: Uint8Array): ByteSource {
  return {
    name,
    size: bytes.byteLength,
    read: async (target, position) => {
      if (position + target.byteLength > bytes.byteLength)
        throw new SwitchboardError('model_corrupt', `${name} ends at byte ${bytes.byteLength}`)
      target.set(bytes.subarray(position, position + target.byteLength))
    },
  }
}

/** A safetensors file with this header text and data. */
export function safetensorsBytes(header: string | Uint8Array, data: Uint8Array = new Uint8Array()): Uint8Array {
  const text = typeof header === 'string' ? new TextEncoder().encode(header) : header
  const bytes = new Uint8Array(8 + text.byteLength + data.byteLength)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.byteLength), true)
  bytes.set(text, 8)
  bytes.set(data, 8 + text.byteLength)
  return bytes
}
