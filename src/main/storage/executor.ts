import { processEntry } from '../platform/process-entry.ts'
import type { Database } from './database.ts'
import { openDatabase, type OpenOptions } from './open-database.ts'
import { kindOf, type Operation, type OperationRunner, type Outcome } from './operations.ts'
import { StorageThread } from './storage-thread.ts'

/** Where operations run: on this thread, or in workers. */
export interface Executor {
  readonly sqliteVersion: string
  /** Settles when the operation is committed to the disk, or has failed. */
  run(operation: Operation): Promise<Outcome>
  /** Finishes what was handed in, empties the WAL and closes the file. */
  close(): Promise<void>
}

/** Runs each operation at once on this thread: for short commands, where a worker would take longer to start. */
export class DirectExecutor implements Executor {
  readonly sqliteVersion: string
  readonly #database: Database
  readonly #runner: OperationRunner

  constructor(options: OpenOptions) {
    const { database, runner } = openDatabase(options)
    this.#database = database
    this.#runner = runner
    this.sqliteVersion = database.sqliteVersion
  }

  run(operation: Operation): Promise<Outcome> {
    return Promise.resolve(this.#runner.run(operation))
  }

  async close(): Promise<void> {
    this.#database.shutDown()
  }
}

/**
 * One worker writes, another one reads: no write waits behind a search, and this thread waits for neither.
 */
export class WorkerExecutor implements Executor {
  readonly sqliteVersion: string
  readonly #writer: StorageThread
  readonly #reader: StorageThread

  /** @throws SwitchboardError storage_failed, storage_full, storage_corrupt, storage_newer. */
  static async open(options: OpenOptions): Promise<WorkerExecutor> {
    const entry = processEntry('storage')
    const writer = new StorageThread(entry, { role: 'writer', options })
    const opened = writer.open()
    // Both start at the same time, but the writer has to create or migrate the file first.
    const reader = new StorageThread(entry, { role: 'reader', options }, opened)
    try {
      const [sqliteVersion] = await Promise.all([opened, reader.open()])
      return new WorkerExecutor(writer, reader, sqliteVersion)
    } catch (thrown) {
      await Promise.all([reader.close(), writer.close()])
      throw thrown
    }
  }

  private constructor(writer: StorageThread, reader: StorageThread, sqliteVersion: string) {
    this.#writer = writer
    this.#reader = reader
    this.sqliteVersion = sqliteVersion
  }

  run(operation: Operation): Promise<Outcome> {
    return (kindOf(operation) === 'read' ? this.#reader : this.#writer).run(operation)
  }

  async close(): Promise<void> {
    // The writer last: the last connection to close empties the WAL.
    await this.#reader.close()
    await this.#writer.close()
  }
}
