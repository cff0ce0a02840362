import { constants } from 'node:fs'
import { open, realpath, type FileHandle } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { plainFileName } from '../../shared/base/plain-file-name.ts'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'

/** A regular file read through one open descriptor, so that the file checked is the file read. */
export interface FileSource {
  /** Plain file name, for messages. */
  readonly name: string
  /** Length in bytes when it was opened. */
  readonly size: number
  readonly handle: FileHandle
  /**
   * Fills `target` from `position` on.
   * @throws SwitchboardError model_corrupt when the file ends before `target` is full.
   */
  read(target: Uint8Array, position: number): Promise<void>
  close(): Promise<void>
}

/**
 * Opens a regular file directly inside a folder for reading. A symbolic link is followed only to a file inside the same
 * folder; pipes and devices are refused without blocking.
 *
 * @returns null when there is no such file.
 * @throws SwitchboardError not_a_model_folder: not a plain name, a link out of the folder, not a regular file, or
 *   not readable.
 */
export async function openRegularFile(directory: string, name: string): Promise<FileSource | null> {
  if (plainFileName(name) === null) throw refusal(name, 'is not a plain file name')
  const root = await realpath(directory).catch(missing)
  const target = root === null ? null : await realpath(join(root, name)).catch(missing)
  if (root === null || target === null) return null
  if (!target.startsWith(root.endsWith(sep) ? root : root + sep))
    throw refusal(name, 'is a link that leads out of the folder; copy the file itself into it')
  // O_NOFOLLOW: links were resolved above, and one created since then must not be followed. O_NONBLOCK: opening a
  // pipe must not block.
  const handle = await open(
    target,
    constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0),
  ).catch((failure: NodeJS.ErrnoException) => {
    throw refusal(name, `cannot be opened (${failure.code})`, failure)
  })
  try {
    const status = await handle.stat()
    if (!status.isFile()) throw refusal(name, 'is not a regular file')
    return {
      name,
      size: status.size,
      handle,
      read: (bytes, position) => readFully(handle, name, bytes, position),
      close: () => handle.close(),
    }
  } catch (failure) {
    await handle.close()
    throw failure
  }
}

async function readFully(handle: FileHandle, name: string, target: Uint8Array, position: number): Promise<void> {
  for (let filled = 0; filled < target.byteLength;) {
    const { bytesRead } = await handle
      .read(target, filled, target.byteLength - filled, position + filled)
      .catch((cause: NodeJS.ErrnoException) => {
        // The disk was removed or is failing.
        throw new SwitchboardError(
          'model_corrupt',
          `${name} cannot be read at byte ${position + filled} (${cause.code})`,
          { cause, details: { file: name } },
        )
      })
    if (bytesRead === 0)
      throw new SwitchboardError(
        'model_corrupt',
        `${name} ends at byte ${position + filled}; it was longer when it was opened`,
        { details: { file: name } },
      )
    filled += bytesRead
  }
}

function refusal(name: string, why: string, cause?: Error): SwitchboardError {
  return new SwitchboardError('not_a_model_folder', `${JSON.stringify(name.slice(0, 80))} ${why}`, {
    cause,
    details: { file: name.slice(0, 80) },
  })
}

function missing(failure: NodeJS.ErrnoException): null {
  if (failure.code === 'ENOENT' || failure.code === 'ENOTDIR' || failure.code === 'ELOOP') return null
  throw new SwitchboardError('not_a_model_folder', `the folder cannot be read (${failure.code})`, { cause: failure })
}
