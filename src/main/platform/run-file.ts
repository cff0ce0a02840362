import { closeSync, existsSync, openSync, readFileSync, rmSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { z } from 'zod'
import type { Disposable } from '../../shared/base/disposable.ts'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import { writeWholeNow } from './write-whole.ts'

const schema = z.object({
  pid: z.number().int().positive(),
  port: z.number().int().min(1).max(65_535),
  /** Milliseconds since the epoch. */
  startedAt: z.number(),
})

/** Where the running instance listens. */
export type RunFile = Readonly<z.infer<typeof schema>>

/** The right to be the one instance of a home folder. */
export interface InstanceLock extends Disposable {
  /** Tells others where this instance listens; readable by the same person alone. */
  publish(run: RunFile): void
  dispose(): void
}

/**
 * Becomes the one instance of this home folder. The lock is one of the operating system on a file (held through SQLite,
 * which knows every system's way), so it ends with the process however that dies: nothing stale can be left behind.
 * @throws SwitchboardError already_running, naming the other one's address.
 */
export function lockInstance(path: string): InstanceLock {
  const lockPath = `${path}.lock`
  closeSync(openSync(lockPath, 'a', 0o600))
  // Long enough to outlast somebody who only looks whether it is held.
  const lock = new DatabaseSync(lockPath, { timeout: 250 })
  try {
    lock.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
  } catch (cause) {
    lock.close()
    if (!isBusy(cause)) throw cause
    const other = readRunFile(path)
    const where = other === null ? 'and is starting' : `as process ${other.pid} at http://127.0.0.1:${other.port}`
    throw new SwitchboardError('already_running', `Switchboard runs already with this home folder, ${where}`, {
      cause,
      ...(other === null ? {} : { details: { pid: other.pid, port: other.port } }),
    })
  }
  // Whoever wrote it is gone, or the lock would be held.
  rmSync(path, { force: true })
  return {
    publish(run) {
      writeWholeNow(path, `${JSON.stringify(run)}\n`)
    },
    dispose() {
      if (!lock.isOpen) return
      rmSync(path, { force: true })
      lock.exec('ROLLBACK')
      lock.close()
    },
  }
}

/**
 * Where the instance that runs now listens; null when none does. Asks the lock, not the process id: that may belong to
 * another program by now, and the port with it, which must not be handed a secret.
 */
export function findRunning(path: string): RunFile | null {
  const lockPath = `${path}.lock`
  const run = readRunFile(path)
  if (run === null || !existsSync(lockPath)) return null
  const lock = new DatabaseSync(lockPath, { timeout: 0, readOnly: true })
  try {
    lock.exec('BEGIN; SELECT count(*) FROM sqlite_schema; COMMIT')
    return null
  } catch (thrown) {
    if (isBusy(thrown)) return run
    throw thrown
  } finally {
    lock.close()
  }
}

/** What the last instance published; null when there is none. It may be dead: only the lock tells. */
function readRunFile(path: string): RunFile | null {
  try {
    return schema.parse(JSON.parse(readFileSync(path, 'utf8')))
  } catch {
    // absent or damaged: there is no address to call
    return null
  }
}

function isBusy(thrown: unknown): boolean {
  return thrown instanceof Error && 'errcode' in thrown && (thrown.errcode === 5 || thrown.errcode === 6)
}
