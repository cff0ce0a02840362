import type { StoreContext } from './store.ts'

/**
 * Stored settings by name, each as the JSON text in the file. Whether a text can be read, and what it means, is checked
 * where settings are used: see setting-values.ts.
 */
export type SettingRows = Readonly<Record<string, string>>

export interface SettingsStore {
  read(): SettingRows
  /** Stores these and leaves the others as they are. Returns all. */
  update(rows: SettingRows): SettingRows
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
    update(rows) {
      for (const [name, value] of Object.entries(rows)) {
        database.run(
          'INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value',
          name,
          value,
        )
      }
      changed({ kind: 'settings' })
      return read()
    },
  }
}
