import { closeSync, mkdirSync, openSync, renameSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { pino, stdSerializers } from 'pino'
import type { ImmediateDisposable } from '../../shared/base/disposable.ts'

/** Log for the operator. Fields hold ids, counts and codes: never secrets, never text of customers. */
export interface Log {
  info(fields: Readonly<Record<string, unknown>>, message: string): void
  warn(fields: Readonly<Record<string, unknown>>, message: string): void
  error(fields: Readonly<Record<string, unknown>>, message: string): void
}

const largestBytes = 5 * 1024 * 1024
const keptFiles = 3
/** Bytes kept while the disk takes none; later lines are lost. */
const largestBacklog = 1024 * 1024

/** Appends what it can and says how many bytes that was, as writeSync does. */
type Append = (file: number, bytes: Buffer) => number

/**
 * Appends JSON lines to `switchboard.log`; a file that grew too large is put aside at the next start, the oldest goes.
 */
export function openLog(folder: string, append: Append = writeSync): Log & ImmediateDisposable {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const path = join(folder, 'switchboard.log')
  putAside(path)
  const file = new LogFile(path, append)
  const logger = pino(
    { base: null, timestamp: pino.stdTimeFunctions.isoTime, serializers: { error: stdSerializers.err } },
    file,
  )
  return {
    info: (fields, message) => attempt(() => logger.info(fields, message)),
    warn: (fields, message) => attempt(() => logger.warn(fields, message)),
    error: (fields, message) => attempt(() => logger.error(fields, message)),
    dispose: () => attempt(() => file.close()),
  }
}

/**
 * Written at once: a log that is lost in a crash is of no use, and there are few lines. What a full disk refuses is
 * kept and
 * goes out before the next line that it takes.
 */
class LogFile {
  readonly #append: Append
  #file: number | null
  #kept: Buffer = Buffer.alloc(0)

  constructor(path: string, append: Append) {
    this.#append = append
    this.#file = openSync(path, 'a', 0o600)
  }

  write(line: string): void {
    if (this.#file === null) return
    if (this.#kept.length >= largestBacklog) this.#flush()
    this.#kept = Buffer.concat([this.#kept, Buffer.from(line)])
    this.#flush()
  }

  close(): void {
    try {
      this.#flush()
    } finally {
      if (this.#file !== null) closeSync(this.#file)
      this.#file = null
    }
  }

  /** @throws what the disk says; what it took until then is not written again. */
  #flush(): void {
    while (this.#file !== null && this.#kept.length > 0)
      this.#kept = this.#kept.subarray(this.#append(this.#file, this.#kept))
  }
}

/** Whoever logs has something else to do, often to report a failure: that the log fails too must not end it. */
function attempt(write: () => void): void {
  try {
    write()
  } catch {
    // Nobody is left who could be told.
  }
}

function putAside(path: string): void {
  if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) < largestBytes) return
  for (let index = keptFiles - 1; index >= 0; index -= 1) {
    const from = index === 0 ? path : `${path}.${index}`
    if (statSync(from, { throwIfNoEntry: false }) !== undefined) renameSync(from, `${path}.${index + 1}`)
  }
}
