import { basename } from 'node:path'
import type { ErrorCode } from '../../shared/errors/catalogue.ts'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'

/** Primary result codes of SQLite (https://sqlite.org/rescode.html); an extended code carries them in its low byte. */
const codes: Readonly<Record<number, ErrorCode>> = {
  5: 'storage_failed', // BUSY
  6: 'storage_failed', // LOCKED
  8: 'storage_failed', // READONLY
  10: 'storage_failed', // IOERR
  11: 'storage_corrupt', // CORRUPT
  13: 'storage_full', // FULL
  14: 'storage_failed', // CANTOPEN
  26: 'storage_corrupt', // NOTADB
}

const fileCodes: Readonly<Record<string, ErrorCode>> = { ENOSPC: 'storage_full', EDQUOT: 'storage_full' }

/**
 * A failure of SQLite or of the file system as a typed error. The path is only in the cause, because clients read the
 * message. Other errors pass through: a wrong statement is a bug and must not look like a broken disk.
 */
export function asStorageError(thrown: unknown, path: string): unknown {
  if (thrown instanceof SwitchboardError || !(thrown instanceof Error)) return thrown
  if ('errcode' in thrown && typeof thrown.errcode === 'number') {
    const code = codes[thrown.errcode & 0xff]
    return code === undefined
      ? thrown
      : new SwitchboardError(code, `${basename(path)}: ${thrown.message}`, {
          details: { sqliteCode: thrown.errcode },
          cause: new Error(path, { cause: thrown }),
        })
  }
  if ('syscall' in thrown && 'code' in thrown && typeof thrown.code === 'string') {
    return new SwitchboardError(fileCodes[thrown.code] ?? 'storage_failed', `${basename(path)}: ${thrown.code}`, {
      cause: thrown,
    })
  }
  return thrown
}
