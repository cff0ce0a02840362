import { isRecord } from '../../shared/base/is-record.ts'
import { defaultSettings, settingsPatchSchema, type Settings } from '../../shared/domain/settings.ts'
import type { StoreContext } from './store.ts'

export type SettingsPatch = { readonly [Name in keyof Settings]?: Settings[Name] | undefined }

/** Stored settings as they are in the file: the value of each is JSON, or damage. */
export type SettingRows = Readonly<Record<string, string>>

/** Knows nothing of what values mean: they are checked where they are used, see {@link readSettings}. */
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

/** The stored values over the defaults. A value that is no JSON or out of range has its default and is named. */
export function readSettings(rows: SettingRows): {
  readonly settings: Settings
  readonly unreadable: readonly (keyof Settings)[]
} {
  const merged: Record<string, unknown> = { ...defaultSettings }
  const unreadable: (keyof Settings)[] = []
  for (const [name, text] of Object.entries(rows)) {
    if (!isSetting(name)) continue
    const value = parse(text)
    const standard: unknown = defaultSettings[name]
    // A group gains fields over time; stored ones keep theirs.
    const whole = isRecord(standard) && isRecord(value) ? { ...standard, ...value } : value
    const checked = settingsPatchSchema.shape[name].safeParse(whole)
    if (checked.success && checked.data !== undefined) merged[name] = checked.data
    else unreadable.push(name)
  }
  return { settings: merged as unknown as Settings, unreadable }
}

function isSetting(name: string): name is keyof Settings {
  return Object.hasOwn(defaultSettings, name)
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
