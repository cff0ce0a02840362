import type { Database } from './database.ts'
import { openDatabase, type OpenOptions } from './open-database.ts'
import type { Operation, OperationRunner, Outcome } from './operations.ts'

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
