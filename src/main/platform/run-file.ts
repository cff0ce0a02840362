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

/** Process and address of the running instance. */
export type RunFile = Readonly<z.infer<typeof schema>>

/** Held by the only running instance of a home folder. */
export interface InstanceLock extends Disposable {
  /** Publishes the address of this instance in a file only its owner can read. */
  publish(run: RunFile): void
  dispose(): void
}

/**
 * Becomes the only instance of this home folder. The lock is an operating system lock on a file, taken through SQLite,
 * which handles the differences between platforms. It ends with the process, even after a crash: no lock goes stale.
 * @throws SwitchboardError already_running, with the address of the other instance.
 */
export function lockInstance(path: string): InstanceLock {
  const lockPath = `${path}.lock`
  closeSync(openSync(lockPath, 'a', 0o600))
  // Longer than the check in findRunning holds the lock.
  const lock = new DatabaseSync(lockPath, { timeout: 250 })
  try {
    lock.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
  } catch (cause) {
    lock.close()
    if (!isBusy(cause)) throw cause
    const other = readRunFile(path)
    const where = other === null ? 'and is starting' : `as process ${other.pid} at http://127.0.0.1:${other.port}`
    throw new SwitchboardError('already_running', `Switchboard is already running with this home folder, ${where}`, {
      cause,
      ...(other === null ? {} : { details: { pid: other.pid, port: other.port } }),
    })
  }
  // Written by an instance that has ended: the lock was free.
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
 * The running instance; null when there is none. Decided by the lock, not by the process id: both process id and port
 * may belong to another program by now, which must not receive a secret.
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

/** The last published run file; null when there is none. The instance may have ended: only the lock tells. */
function readRunFile(path: string): RunFile | null {
  try {
    return schema.parse(JSON.parse(readFileSync(path, 'utf8')))
  } catch {
    // Absent or damaged: there is no address to call.
    return null
  }
}

function isBusy(thrown: unknown): boolean {
  return thrown instanceof Error && 'errcode' in thrown && (thrown.errcode === 5 || thrown.errcode === 6)
}
