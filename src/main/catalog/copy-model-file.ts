import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import { hashFile } from '../platform/hash-file.ts'
import { openRegularFile } from '../platform/open-regular-file.ts'
import { throwIfCancelled } from '../../shared/errors/cancelled.ts'
import { stampOf, type FileStamp } from './file-stamp.ts'

/**
 * Copies one file of a chosen folder into the store and hashes it, through one open descriptor. The copy is a new file
 * (never a link), readable only by its owner and synced to disk.
 *
 * @returns the stamp of the copy.
 * @throws SwitchboardError not_a_model_folder, model_corrupt (the file changed during the import).
 */
export async function copyModelFile(
  from: string,
  to: string,
  expected: { readonly name: string; readonly bytes: number },
  onBytes: (count: number) => void,
  signal: AbortSignal | undefined,
): Promise<FileStamp> {
  const { name } = expected
  const changed = (): SwitchboardError =>
    new SwitchboardError('model_corrupt', `${name} changed while it was being imported`, { details: { file: name } })
  const source = await openRegularFile(from, name)
  if (source === null) throw changed()
  try {
    if (source.size !== expected.bytes) throw changed()
    const before = await source.handle.stat()
    const target = await open(join(to, name), 'wx', 0o600)
    try {
      const sha256 = await hashFile(source, async (piece, position) => {
        throwIfCancelled(signal)
        for (let written = 0; written < piece.byteLength;) {
          const { bytesWritten } = await target.write(piece, written, piece.byteLength - written, position + written)
          written += bytesWritten
        }
        onBytes(piece.byteLength)
      })
      const after = await source.handle.stat()
      if (after.size !== before.size || after.mtimeMs !== before.mtimeMs) throw changed()
      // On Windows this would set the read-only flag, and the model could not be removed.
      if (process.platform !== 'win32') await target.chmod(0o400)
      await target.sync()
      return stampOf(await target.stat(), sha256)
    } finally {
      await target.close()
    }
  } finally {
    await source.close()
  }
}
