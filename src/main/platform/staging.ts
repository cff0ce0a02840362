import { randomBytes } from 'node:crypto'
import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * Name under which a folder is built before it is renamed to its final name in the same parent. It contains the process
 * id, which tells leftovers of a dead process from work in progress.
 */
export function stagingName(name: string): string {
  const staging = `.${name}.${process.pid}.${randomBytes(6).toString('hex')}.partial`
  made.add(staging)
  return staging
}

/**
 * Staging names made by this process. Any other name with our process id comes from a dead process that had the same
 * id, as in a restarted container.
 */
const made = new Set<string>()

const pattern = /^\..+\.(\d+)\.[0-9a-f]{12}\.partial$/u
/** Process ids are reused. No build takes longer than this. */
const MAX_AGE_MS = 24 * 60 * 60 * 1000

/** Removes the leftovers of dead processes in `directory` and returns their names; none for a missing folder. */
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
    // EPERM: the process runs under another user.
    return failure instanceof Error && 'code' in failure && failure.code === 'EPERM'
  }
}
