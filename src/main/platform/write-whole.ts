import { randomBytes } from 'node:crypto'
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { syncFolder, syncFolderNow } from './sync-folder.ts'

/**
 * Replaces a small file atomically: a reader finds either the old or the new content. After the return, the new content
 * survives a power cut.
 * @throws Error of the file system; the old content then stays.
 */
export async function writeWhole(path: string, text: string, mode = 0o600): Promise<void> {
  const temporary = temporaryName(path)
  try {
    const file = await open(temporary, 'wx', mode)
    try {
      await file.writeFile(text)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
  } catch (failure) {
    await rm(temporary, { force: true })
    throw failure
  }
  await syncFolder(dirname(path))
}

/** Synchronous {@link writeWhole}, for the start and the end of the program. */
export function writeWholeNow(path: string, text: string): void {
  const temporary = temporaryName(path)
  try {
    const file = openSync(temporary, 'wx', 0o600)
    try {
      writeFileSync(file, text)
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
    renameSync(temporary, path)
  } catch (failure) {
    rmSync(temporary, { force: true })
    throw failure
  }
  syncFolderNow(dirname(path))
}

function temporaryName(path: string): string {
  return join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}`)
}
