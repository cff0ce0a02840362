import { mkdirSync, renameSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { destination, pino, stdSerializers } from 'pino'
import type { Disposable } from '../../shared/base/disposable.ts'

/** What happened, for the operator. Fields hold ids, counts and codes: never secrets, never customers' text. */
export interface Log extends Disposable {
  info(fields: Readonly<Record<string, unknown>>, message: string): void
  warn(fields: Readonly<Record<string, unknown>>, message: string): void
  error(fields: Readonly<Record<string, unknown>>, message: string): void
  dispose(): void
}

const largestBytes = 5 * 1024 * 1024
const keptFiles = 3

/** Appends JSON lines to `switchboard.log`; a file that grew too large is put aside at the next start, the oldest goes. */
export function openLog(folder: string): Log {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const path = join(folder, 'switchboard.log')
  putAside(path)
  // Written at once: a log that is lost in a crash is of no use, and there are few lines.
  const file = destination({ dest: path, append: true, sync: true, mode: 0o600 })
  const logger = pino({ base: null, timestamp: pino.stdTimeFunctions.isoTime, serializers: { error: stdSerializers.err } }, file)
  return {
    info: (fields, message) => logger.info(fields, message),
    warn: (fields, message) => logger.warn(fields, message),
    error: (fields, message) => logger.error(fields, message),
    dispose: () => file.end(),
  }
}

function putAside(path: string): void {
  if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) < largestBytes) return
  for (let index = keptFiles - 1; index >= 0; index -= 1) {
    const from = index === 0 ? path : `${path}.${index}`
    if (statSync(from, { throwIfNoEntry: false }) !== undefined) renameSync(from, `${path}.${index + 1}`)
  }
}
