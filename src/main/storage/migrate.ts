import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import type { Database } from './database.ts'

/** One step of the schema. Never edited after it shipped: correct it with another one. */
export interface Migration {
  readonly name: string
  readonly sql: string
}

/**
 * Brings the schema up to date; `user_version` counts the migrations that ran. Each runs in a transaction of its own
 * together with its count, so a crash leaves the schema before or after it.
 * @throws SwitchboardError storage_newer when a newer program wrote this file.
 */
export function migrate(database: Database, migrations: readonly Migration[]): void {
  for (;;) {
    const done = database.transaction(() => {
      const version = Number(database.get('PRAGMA user_version')?.['user_version'])
      if (version > migrations.length) {
        throw new SwitchboardError(
          'storage_newer',
          `${database.path} has schema ${version}; this program knows ${migrations.length}`,
          { details: { found: version, known: migrations.length } },
        )
      }
      const migration = migrations[version]
      if (migration === undefined) return true
      database.script(migration.sql)
      database.script(`PRAGMA user_version = ${version + 1}`)
      return false
    })
    if (done) return
  }
}
