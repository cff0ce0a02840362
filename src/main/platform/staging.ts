import { randomBytes } from 'node:crypto'
import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * Folders that become visible as a whole are built under a staging name beside their final one and renamed. The name
 * says
 * which process writes it, so that leftovers of a dead one can be told from work in progress.
 */
export function stagingName(name: string): string {
  const staging = `.${name}.${process.pid}.${randomBytes(6).toString('hex')}.partial`
  made.add(staging)
  return staging
}

/**
 * Names this process gave away. Another one with our own process id is of a dead process that had it before us, as in a
 * container started again.
 */
const made = new Set<string>()

const pattern = /^\..+\.(\d+)\.[0-9a-f]{12}\.partial$/u
/** Process ids are used again; nothing is built for longer than this. */
const MAX_AGE_MS = 24 * 60 * 60 * 1000

/** Removes what dead processes left in `directory`; returns the names. A missing folder has no leftovers. */
export async function removeStagingLeftovers(directory: string): Promise<readonly string[]> {
  const names = await readdir(directory).catch((failure: NodeJS.ErrnoException) => {
    if (failure.code === 'ENOENT') return []
    throw failure
  })
  const removed: string[] = []
  for (const name of names) {
    const pid = pattern.exec(name)?.[1]
    if (pid === undefined) continue
    const path = join(directory, name)
    const ageMs =
      Date.now() -
      (await stat(path).then(
        ({ mtimeMs }) => mtimeMs,
        () => 0,
      ))
    const alive = Number(pid) === process.pid ? made.has(name) : isRunning(Number(pid))
    if (alive && ageMs < MAX_AGE_MS) continue
    await rm(path, { recursive: true, force: true })
    removed.push(name)
  }
  return removed
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (failure) {
    // EPERM: it runs, under another user
    return failure instanceof Error && 'code' in failure && failure.code === 'EPERM'
  }
}
