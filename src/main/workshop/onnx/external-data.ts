import { createHash } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import { tensorByteLength, type Initialiser } from './graph.ts'

/** Where an external tensor is stored: bytes [offset, offset + byteLength) of `file`. */
export interface ExternalLocation {
  readonly file: string
  readonly offset: number
  readonly byteLength: number
}

/** Offsets are multiples of a page, so that a runtime can map each tensor instead of reading it. */
export const EXTERNAL_ALIGNMENT = 4096

/**
 * Streams the external initialisers one after the other into an open file and hashes it; holds one piece in memory.
 * @param onBytes is called with the number of tensor bytes written since its last call.
 * @throws Error when a tensor's pieces do not add up to its type and shape, or a view has another length than its
 *   weight (faults of the builder, not of the input).
 */
export async function writeExternalData(
  initialisers: readonly Initialiser[],
  fileName: string,
  handle: FileHandle,
  onBytes: (count: number) => void,
): Promise<{
  readonly locations: ReadonlyMap<string, ExternalLocation>
  readonly byteLength: number
  readonly sha256: string
}> {
  const locations = new Map<string, ExternalLocation>()
  const hash = createHash('sha256')
  let end = 0

  const append = async (piece: Uint8Array): Promise<void> => {
    hash.update(piece)
    for (let written = 0; written < piece.byteLength;) {
      const { bytesWritten } = await handle.write(piece, written, piece.byteLength - written, end + written)
      written += bytesWritten
    }
    end += piece.byteLength
  }

  for (const initialiser of initialisers) {
    if (initialiser.kind === 'inline') continue
    const byteLength = tensorByteLength(initialiser.type, initialiser.dimensions)
    if (initialiser.kind === 'view') {
      const location = locations.get(initialiser.of)
      if (location?.byteLength !== byteLength)
        throw new Error(
          `initialiser ${initialiser.name}: its shape has ${byteLength} bytes, ${initialiser.of} has ${location?.byteLength}`,
        )
      locations.set(initialiser.name, location)
      continue
    }
    const padding = (EXTERNAL_ALIGNMENT - (end % EXTERNAL_ALIGNMENT)) % EXTERNAL_ALIGNMENT
    if (padding > 0) await append(new Uint8Array(padding))
    const offset = end
    for await (const piece of initialiser.bytes()) {
      await append(piece)
      onBytes(piece.byteLength)
    }
    if (end - offset !== byteLength)
      throw new Error(`initialiser ${initialiser.name}: wrote ${end - offset} bytes, its shape has ${byteLength}`)
    locations.set(initialiser.name, { file: fileName, offset, byteLength })
  }
  return { locations, byteLength: end, sha256: hash.digest('hex') }
}
