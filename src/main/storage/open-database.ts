import { type BuiltInAssistant } from './assistants.ts'
import { Database } from './database.ts'
import { migrate, type Migration } from './migrate.ts'
import { initial } from './migrations/0001-initial.ts'
import { assistants } from './migrations/0002-assistants.ts'
import { catalogAndJobs } from './migrations/0003-catalog-and-jobs.ts'
import { OperationRunner } from './operations.ts'

/** In order; only ever added to. */
export const migrations: readonly Migration[] = [initial, assistants, catalogAndJobs]

export interface OpenOptions {
  readonly path: string
  /** Stored where their id is not known yet. */
  readonly builtInAssistants: readonly BuiltInAssistant[]
  /** How long a statement waits for another process that writes. */
  readonly lockTimeoutMs: number
  /** Milliseconds since the epoch. */
  readonly at: number
}

/**
 * Opens the file for writing, creates or migrates it, and adds new built-in assistants.
 * @throws SwitchboardError storage_failed, storage_full, storage_corrupt, storage_newer.
 */
export function openDatabase({ path, builtInAssistants, lockTimeoutMs, at }: OpenOptions): {
  readonly database: Database
  readonly runner: OperationRunner
} {
  const database = new Database(path, { lockTimeoutMs })
  try {
    migrate(database, migrations, { now: at })
    const runner = new OperationRunner(database)
    seed(database, runner, builtInAssistants, at)
    return { database, runner }
  } catch (thrown) {
    database.close()
    throw thrown
  }
}

/** Takes the lock only where something is missing: most starts write nothing. */
function seed(database: Database, runner: OperationRunner, builtIn: readonly BuiltInAssistant[], at: number): void {
  const missing = builtIn.filter(({ id }) => database.get('SELECT id FROM assistants WHERE id = ?', id) === undefined)
  if (missing.length === 0) return
  const outcome = runner.run({ store: 'assistants', method: 'seed', arguments: [missing], at })
  if (outcome.kind === 'failed') throw outcome.error
}
