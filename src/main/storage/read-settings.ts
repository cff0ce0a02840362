import { isRecord } from '../../shared/base/is-record.ts'
import { defaultSettings, settingsPatchSchema, type Settings } from '../../shared/domain/settings.ts'
import { isSetting, type SettingRows } from './settings.ts'

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

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
