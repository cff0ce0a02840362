import { createHash } from 'node:crypto'
import type { FileSource } from './open-regular-file.ts'

const PIECE_BYTES = 4 * 1024 * 1024

/**
 * SHA-256 (hex) of an open file.
 * @param onPiece receives each piece and its offset in bytes. The buffer is reused once the call has settled. An error
 *   it throws stops reading and is passed on.
 */
export async function hashFile(
  source: FileSource,
  onPiece: (piece: Uint8Array, position: number) => void | Promise<void>,
): Promise<string> {
  const hash = createHash('sha256')
  const block = new Uint8Array(PIECE_BYTES)
  for (let position = 0; position < source.size; position += PIECE_BYTES) {
    const piece = block.subarray(0, Math.min(PIECE_BYTES, source.size - position))
    await source.read(piece, position)
    hash.update(piece)
    await onPiece(piece, position)
  }
  return hash.digest('hex')
}
