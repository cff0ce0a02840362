import { chmodSync, closeSync, existsSync, openSync } from 'node:fs'
import { basename } from 'node:path'
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import { asStorageError } from './storage-error.ts'

/** Older ones lose committed writes when the WAL is reset (https://sqlite.org/wal.html#the_wal_reset_bug). */
const lowestSqlite = [3, 51, 3] as const

/** How long a statement waits for another process that writes. */
const busyTimeoutMs = 5000

/**
 * What a connection must say about itself before it is used. A PRAGMA that was not understood says nothing and is
 * caught here.
 */
const requiredPragmas = {
  journal_mode: 'wal',
  synchronous: 2,
  foreign_keys: 1,
  trusted_schema: 0,
  cell_size_check: 1,
  secure_delete: 1,
} as const

export type Row = Readonly<Record<string, null | number | bigint | string | Uint8Array>>

/**
 * One connection: prepared statements are kept, every failure leaves as a typed error. Synchronous on purpose: a commit
 * takes a fraction of a millisecond and what was acknowledged is on the disk.
 */
export class Database {
  readonly path: string
  readonly #connection: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()
  #depth = 0

  /** @throws SwitchboardError storage_failed, storage_full, storage_corrupt. */
  constructor(path: string) {
    this.path = path
    try {
      createPrivately(path)
      this.#connection = new DatabaseSync(path, { enableForeignKeyConstraints: true, timeout: busyTimeoutMs })
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

  run(sql: string, ...parameters: SQLInputValue[]): number {
    return this.#guard(() => Number(this.#statement(sql).run(...parameters).changes))
  }

  /** A write that may as well be left out: it waits for no other writer, and a disk that fails stops nobody. */
  runIfPossible(sql: string, ...parameters: SQLInputValue[]): void {
    try {
      this.get('PRAGMA busy_timeout = 0')
      this.run(sql, ...parameters)
    } catch (thrown) {
      if (!(thrown instanceof SwitchboardError)) throw thrown
    } finally {
      this.get(`PRAGMA busy_timeout = ${busyTimeoutMs}`)
    }
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

  /** All or nothing; committed to the disk when it returns. May be nested: the outermost one commits. */
  transaction<Value>(work: () => Value): Value {
    if (this.#depth > 0) return work()
    this.#depth += 1
    try {
      this.script('BEGIN IMMEDIATE')
      try {
        const value = work()
        this.script('COMMIT')
        return value
      } catch (thrown) {
        // Some failures (disk full, I/O) have rolled back already.
        if (this.#connection.isTransaction) this.#connection.exec('ROLLBACK')
        throw thrown
      }
    } finally {
      this.#depth -= 1
    }
  }

  /** Moves everything from the WAL into the file and empties the WAL, so that deleted text is gone from both. */
  checkpoint(): void {
    this.get('PRAGMA wal_checkpoint(TRUNCATE)')
  }

  close(): void {
    if (!this.#connection.isOpen) return
    this.#statements.clear()
    this.#connection.close()
  }

  #prepareConnection(): void {
    const version = String(this.get('SELECT sqlite_version() AS version')?.['version'])
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
      PRAGMA busy_timeout = ${busyTimeoutMs};
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

/** SQLite gives its WAL and shared memory the mode of the database file, so that one has to be right from the start. */
function createPrivately(path: string): void {
  if (!existsSync(path)) closeSync(openSync(path, 'a', 0o600))
}

function isAtLeast(version: string, lowest: readonly number[]): boolean {
  const parts = version.split('.').map(Number)
  for (const [index, wanted] of lowest.entries()) {
    const part = parts[index] ?? 0
    if (part !== wanted) return part > wanted
  }
  return true
}
