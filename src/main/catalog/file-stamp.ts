import type { Stats } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { z } from 'zod'
import { hashFile } from '../platform/hash-file.ts'
import { openRegularFile } from '../platform/open-regular-file.ts'
import { writeWhole } from '../platform/write-whole.ts'
import { throwIfCancelled } from '../../shared/errors/cancelled.ts'

const stampSchema = z.object({ bytes: z.number(), mtimeMs: z.number(), inode: z.string(), sha256: z.string() })

/** Hash of a file, with its size, mtime and inode at that time. While these match, the file is not hashed again. */
export type FileStamp = Readonly<z.infer<typeof stampSchema>>
export type FileStamps = Readonly<Record<string, FileStamp>>

const stampsSchema = z.record(z.string(), stampSchema)

/** The stamps stored at `path`; empty when they cannot be read. */
export async function readStamps(path: string): Promise<FileStamps> {
  try {
    return stampsSchema.parse(JSON.parse(await readFile(path, 'utf8')))
  } catch {
    // Stamps only save time: without them the files are hashed again.
    return {}
  }
}

export async function writeStamps(path: string, stamps: FileStamps): Promise<void> {
  await writeWhole(path, `${JSON.stringify(stamps, null, 2)}\n`)
}

/** Whether size, mtime and inode of the file match the stamp. */
export async function looksUnchanged(path: string, stamp: FileStamp | undefined): Promise<boolean> {
  if (stamp === undefined) return false
  try {
    const { size, mtimeMs, ino } = await stat(path)
    return size === stamp.bytes && mtimeMs === stamp.mtimeMs && String(ino) === stamp.inode
  } catch {
    // Hashing the file will report why it is not readable.
    return false
  }
}

export function stampOf(status: Stats, sha256: string): FileStamp {
  return { bytes: status.size, mtimeMs: status.mtimeMs, inode: String(status.ino), sha256 }
}

/**
 * Hashes a file of `directory` through one descriptor.
 * @returns null when there is no such regular file.
 * @throws SwitchboardError not_a_model_folder, model_corrupt, cancelled (by `signal`).
 */
export async function stampFile(
  directory: string,
  name: string,
  onBytes: (count: number) => void = () => undefined,
  signal?: AbortSignal,
): Promise<FileStamp | null> {
  const source = await openRegularFile(directory, name)
  if (source === null) return null
  try {
    const sha256 = await hashFile(source, ({ byteLength }) => {
      throwIfCancelled(signal)
      onBytes(byteLength)
    })
    return stampOf(await source.handle.stat(), sha256)
  } finally {
    await source.close()
  }
}
