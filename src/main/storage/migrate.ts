import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import type { Database } from './database.ts'

/** What a migration may need to know besides the database. */
export interface MigrationContext {
  /** Milliseconds since the epoch, for rows that need a time. */
  readonly now: number
}

/** One step of the schema. Never edited after it shipped; a later migration corrects it. */
export interface Migration {
  readonly name: string
  run(database: Database, context: MigrationContext): void
}

/**
 * Brings the schema up to date; `user_version` counts the migrations that ran. Each runs in one transaction together
 * with its count, so a crash leaves the schema before or after it.
 * @throws SwitchboardError storage_newer when a newer program wrote this file.
 */
export function migrate(database: Database, migrations: readonly Migration[], context: MigrationContext): void {
  while (!isUpToDate(database, migrations)) {
    database.transaction(() => {
      // Another process may have been faster.
      if (isUpToDate(database, migrations)) return
      const version = schemaVersion(database)
      migrations[version]?.run(database, context)
      database.script(`PRAGMA user_version = ${version + 1}`)
    })
  }
}

function schemaVersion(database: Database): number {
  return Number(database.get('PRAGMA user_version')?.['user_version'])
}

function isUpToDate(database: Database, migrations: readonly Migration[]): boolean {
  const version = schemaVersion(database)
  if (version <= migrations.length) return version === migrations.length
  throw new SwitchboardError(
    'storage_newer',
    `${database.path} has schema ${version}; this program knows ${migrations.length}`,
    { details: { found: version, known: migrations.length } },
  )
}
