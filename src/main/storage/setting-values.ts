import { isRecord } from '../../shared/base/is-record.ts'
import { defaultSettings, settingsPatchSchema, type Settings } from '../../shared/domain/settings.ts'
import type { SettingRows } from './settings.ts'

export type SettingsPatch = { readonly [Name in keyof Settings]?: Settings[Name] | undefined }

/** Values to store. Unknown names and absent values are left out. */
export function settingRows(patch: SettingsPatch): SettingRows {
  const given = Object.entries(patch).filter(([name, value]) => isSetting(name) && value !== undefined)
  return Object.fromEntries(given.map(([name, value]) => [name, JSON.stringify(value)]))
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
