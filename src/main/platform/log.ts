import { closeSync, fstatSync, mkdirSync, openSync, renameSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { pino, stdSerializers } from 'pino'
import type { ImmediateDisposable } from '../../shared/base/disposable.ts'

/** Log for the operator. Fields hold ids, counts and codes: never secrets, never text of customers. */
export interface Log {
  info(fields: Readonly<Record<string, unknown>>, message: string): void
  warn(fields: Readonly<Record<string, unknown>>, message: string): void
  error(fields: Readonly<Record<string, unknown>>, message: string): void
}

const MAX_FILE_BYTES = 5 * 1024 * 1024
/** Rotated files: `switchboard.log.1` to `.3`. */
const MAX_OLD_FILES = 3
/** Bytes buffered while the disk accepts none; further lines are lost. */
const MAX_BACKLOG_BYTES = 1024 * 1024

/** Appends as much as possible and returns the number of bytes written, as writeSync does. */
type Append = (file: number, bytes: Buffer) => number

/**
 * Appends JSON lines to `switchboard.log`. A large file is rotated, and the oldest one deleted. Logging never throws.
 */
export function openLog(folder: string, append: Append = writeSync): Log & ImmediateDisposable {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const path = join(folder, 'switchboard.log')
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
 * Writes synchronously, so that a crash loses no lines; there are few. Bytes that a full disk refuses are buffered and
 * written before the next line.
 */
class LogFile {
  readonly #path: string
  readonly #append: Append
  #file: number | null
  #backlog: Buffer = Buffer.alloc(0)

  constructor(path: string, append: Append) {
    this.#path = path
    this.#append = append
    this.#file = openLogFile(path)
  }

  write(line: string): void {
    if (this.#file === null) return
    if (this.#backlog.length >= MAX_BACKLOG_BYTES) this.#flush()
    // A backlog may begin in the middle of a line, which must stay in one file.
    if (this.#backlog.length === 0 && fstatSync(this.#file).size >= MAX_FILE_BYTES) attempt(() => this.#rotate())
    this.#backlog = Buffer.concat([this.#backlog, Buffer.from(line)])
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

  /** On failure the current file stays open, and the next line tries again. */
  #rotate(): void {
    rotateFiles(this.#path)
    const old = this.#file
    this.#file = openLogFile(this.#path)
    if (old !== null) closeSync(old)
  }

  /** @throws Error of the file system; bytes written before it are not written again. */
  #flush(): void {
    while (this.#file !== null && this.#backlog.length > 0)
      this.#backlog = this.#backlog.subarray(this.#append(this.#file, this.#backlog))
  }
}

/** Logging must never throw: callers are often already handling a failure. */
function attempt(write: () => void): void {
  try {
    write()
  } catch {
    // There is nowhere left to report this.
  }
}

function openLogFile(path: string): number {
  return openSync(path, 'a', 0o600)
}

function rotateFiles(path: string): void {
  for (let index = MAX_OLD_FILES - 1; index >= 0; index -= 1) {
    const from = index === 0 ? path : `${path}.${index}`
    if (statSync(from, { throwIfNoEntry: false }) !== undefined) renameSync(from, `${path}.${index + 1}`)
  }
}
