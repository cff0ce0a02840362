import { defaultSettings, type Settings } from '../../shared/domain/settings.ts'
import type { StoreContext } from './store.ts'

export type SettingsPatch = { readonly [Name in keyof Settings]?: Settings[Name] | undefined }

/** Stored settings as they are in the file: the value of each is JSON, or damage. */
export type SettingRows = Readonly<Record<string, string>>

/** Knows nothing of what values mean: they are checked where they are used, see read-settings.ts. */
export interface SettingsStore {
  read(): SettingRows
  update(patch: SettingsPatch): SettingRows
}

export function createSettingsStore({ database, changed }: StoreContext): SettingsStore {
  const read = (): SettingRows =>
    Object.fromEntries(
      database
        .all('SELECT name, CAST(value AS TEXT) AS value FROM settings')
        .map((row) => [String(row['name']), String(row['value'])]),
    )
  return {
    read,
    update(patch) {
      for (const [name, value] of Object.entries(patch)) {
        if (value === undefined || !isSetting(name)) continue
        database.run(
          'INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value',
          name,
          JSON.stringify(value),
        )
      }
      changed({ kind: 'settings' })
      return read()
    },
  }
}

export function isSetting(name: string): name is keyof Settings {
  return Object.hasOwn(defaultSettings, name)
}
