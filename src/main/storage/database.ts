import {
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  linkSync,
  openSync,
  rmSync,
  statSync,
} from 'node:fs'
import { basename } from 'node:path'
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import { asStorageError } from './storage-error.ts'

/** Older ones lose committed writes when the WAL is reset (https://sqlite.org/wal.html#the_wal_reset_bug). */
const lowestSqlite = [3, 51, 3] as const

/** How long a statement waits for another process that writes, unless the caller says otherwise. */
const DEFAULT_LOCK_TIMEOUT_MS = 5000

/** Read back before a connection is used: SQLite ignores a PRAGMA it does not understand. */
const requiredPragmas = {
  journal_mode: 'wal',
  synchronous: 2,
  foreign_keys: 1,
  trusted_schema: 0,
  cell_size_check: 1,
  secure_delete: 1,
} as const

export type Row = Readonly<Record<string, null | number | bigint | string | Uint8Array>>

/** `write-at-once` fails instead of waiting for another writer. */
export type TransactionKind = 'read' | 'write' | 'write-at-once'

/** One connection. Prepared statements are kept; every failure is thrown as a typed error. */
export class Database {
  readonly path: string
  readonly #lockTimeoutMs: number
  readonly #connection: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()

  /**
   * @throws SwitchboardError storage_failed, storage_full, storage_corrupt. A file of 0 bytes is corrupt: SQLite would
   *   take it for a new one and delete its WAL.
   */
  constructor(path: string, { lockTimeoutMs = DEFAULT_LOCK_TIMEOUT_MS }: { readonly lockTimeoutMs?: number } = {}) {
    this.path = path
    this.#lockTimeoutMs = lockTimeoutMs
    try {
      createPrivately(path)
      this.#connection = new DatabaseSync(path, { enableForeignKeyConstraints: true, timeout: lockTimeoutMs })
    } catch (thrown) {
      throw asStorageError(thrown, path)
    }
    try {
      this.#prepareConnection()
    } catch (thrown) {
      this.#connection.close()
      throw asStorageError(thrown, path)
    }
  }

  get sqliteVersion(): string {
    return String(this.get('SELECT sqlite_version() AS version')?.['version'])
  }

  run(sql: string, ...parameters: SQLInputValue[]): number {
    return this.#guard(() => Number(this.#statement(sql).run(...parameters).changes))
  }

  get(sql: string, ...parameters: SQLInputValue[]): Row | undefined {
    return this.#guard(() => this.#statement(sql).get(...parameters) as Row | undefined)
  }

  all(sql: string, ...parameters: SQLInputValue[]): Row[] {
    return this.#guard(() => this.#statement(sql).all(...parameters) as Row[])
  }

  /** Several statements without parameters, such as a schema. */
  script(sql: string): void {
    this.#guard(() => this.#connection.exec(sql))
  }

  get inTransaction(): boolean {
    return this.#connection.isTransaction
  }

  /** Runs `work` in one transaction: all of it is on the disk when this returns, or none of it when this throws. */
  transaction<Value>(work: () => Value, kind: TransactionKind = 'write'): Value {
    this.#begin(kind)
    try {
      const value = work()
      this.script('COMMIT')
      return value
    } catch (thrown) {
      // After some failures (disk full, I/O) SQLite has rolled back already.
      if (this.inTransaction) this.#connection.exec('ROLLBACK')
      throw thrown
    }
  }

  /** Runs `work` inside the open transaction; when it throws, its changes alone are undone. */
  savepoint<Value>(work: () => Value): Value {
    this.script('SAVEPOINT operation')
    try {
      return work()
    } catch (thrown) {
      if (this.inTransaction) this.script('ROLLBACK TO operation')
      throw thrown
    } finally {
      if (this.inTransaction) this.script('RELEASE operation')
    }
  }

  /** Moves everything from the WAL into the file and empties the WAL, so that deleted text is gone from both. */
  checkpoint(): void {
    this.get('PRAGMA wal_checkpoint(TRUNCATE)')
  }

  /** Empties the WAL and closes. */
  shutDown(): void {
    if (!this.#connection.isOpen) return
    // A full disk must not keep the file open; the WAL is then replayed at the next start.
    try {
      this.checkpoint()
    } finally {
      this.close()
    }
  }

  close(): void {
    if (!this.#connection.isOpen) return
    this.#statements.clear()
    this.#connection.close()
  }

  #begin(kind: TransactionKind): void {
    if (kind === 'read') return this.script('BEGIN')
    if (kind === 'write') return this.script('BEGIN IMMEDIATE')
    try {
      this.script('PRAGMA busy_timeout = 0')
      this.script('BEGIN IMMEDIATE')
    } finally {
      this.script(`PRAGMA busy_timeout = ${this.#lockTimeoutMs}`)
    }
  }

  #prepareConnection(): void {
    const version = this.sqliteVersion
    if (!isAtLeast(version, lowestSqlite)) {
      throw new SwitchboardError(
        'storage_failed',
        `SQLite ${version} is too old; ${lowestSqlite.join('.')} or newer is needed`,
      )
    }
    this.script(`
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = FULL;
      PRAGMA foreign_keys = ON;
      PRAGMA trusted_schema = OFF;
      PRAGMA cell_size_check = ON;
      PRAGMA secure_delete = ON;
      PRAGMA busy_timeout = ${this.#lockTimeoutMs};
      PRAGMA journal_size_limit = 67108864;
    `)
    for (const [name, wanted] of Object.entries(requiredPragmas)) {
      const found = Object.values(this.get(`PRAGMA ${name}`) ?? {})[0]
      if (found !== wanted)
        throw new SwitchboardError(
          'storage_failed',
          `${basename(this.path)}: PRAGMA ${name} is ${String(found)}, expected ${wanted}`,
        )
    }
    for (const suffix of ['', '-wal', '-shm']) if (existsSync(this.path + suffix)) chmodSync(this.path + suffix, 0o600)
  }

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql)
    if (statement === undefined) {
      statement = this.#connection.prepare(sql)
      this.#statements.set(sql, statement)
    }
    return statement
  }

  #guard<Value>(work: () => Value): Value {
    try {
      return work()
    } catch (thrown) {
      throw asStorageError(thrown, this.path)
    }
  }
}

/**
 * Creates the file where there is none. It appears under its name with its first page already written, so a file of 0
 * bytes is damage and never a first start that was cut short. SQLite gives its WAL and shared memory the mode of the
 * database file: it has to be private from the start.
 */
function createPrivately(path: string): void {
  const found = statSync(path, { throwIfNoEntry: false })
  if (found !== undefined) {
    if (found.isFile() && found.size === 0)
      throw new SwitchboardError('storage_corrupt', `${basename(path)} has 0 bytes; a database has at least one page`)
    return
  }
  const draft = `${path}.${process.pid}.new`
  closeSync(openSync(draft, 'w', 0o600))
  try {
    const connection = new DatabaseSync(draft)
    connection.exec('PRAGMA journal_mode = WAL')
    connection.close()
    publish(draft, path)
  } finally {
    rmSync(draft, { force: true })
  }
}

/** Gives the draft its name, unless another process that started at the same time came first. */
function publish(draft: string, path: string): void {
  try {
    linkSync(draft, path)
  } catch {
    if (existsSync(path)) return
    // A file system without hard links, such as exFAT.
    copyFileSync(draft, path, constants.COPYFILE_EXCL)
  }
}

export function textOrNull(value: Row[string] | undefined): string | null {
  return value === null || value === undefined ? null : String(value)
}

function isAtLeast(version: string, lowest: readonly number[]): boolean {
  const parts = version.split('.').map(Number)
  for (const [index, wanted] of lowest.entries()) {
    const part = parts[index] ?? 0
    if (part !== wanted) return part > wanted
  }
  return true
}
