import { Emitter, type Listen } from '../../shared/base/emitter.ts'
import { isRecord } from '../../shared/base/is-record.ts'
import { defaultSettings, type Settings } from '../../shared/domain/settings.ts'
import type { Database } from './database.ts'

/**
 * One row a setting, as JSON. Only what differs from the default is of interest; unknown names are left alone and
 * ignored.
 */
export interface SettingsRepository {
  readonly defaults: Settings
  get(): Settings
  /** Stores the given values and announces the result. */
  update(patch: { readonly [Name in keyof Settings]?: Settings[Name] | undefined }): Settings
  readonly onChange: Listen<Settings>
}

export function createSettingsRepository(database: Database): SettingsRepository {
  const changes = new Emitter<Settings>()
  const get = (): Settings => {
    const merged: Record<string, unknown> = { ...defaultSettings }
    for (const row of database.all('SELECT name, value FROM settings')) {
      const name = String(row['name'])
      if (!Object.hasOwn(defaultSettings, name)) continue
      const value: unknown = JSON.parse(String(row['value']))
      const standard = merged[name]
      // A group gains fields over time; stored ones keep theirs.
      merged[name] = isRecord(standard) && isRecord(value) ? { ...standard, ...value } : value
    }
    return merged as unknown as Settings
  }
  return {
    defaults: defaultSettings,
    get,
    update(patch) {
      database.transaction(() => {
        for (const [name, value] of Object.entries(patch)) {
          if (value === undefined || !Object.hasOwn(defaultSettings, name)) continue
          database.run(
            'INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value',
            name,
            JSON.stringify(value),
          )
        }
      })
      const settings = get()
      changes.emit(settings)
      return settings
    },
    onChange: changes.on,
  }
}
