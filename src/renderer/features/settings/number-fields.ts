import { settingRange, settingsPatchSchema } from '../../../shared/domain/settings.ts'

export type NumberSetting = 'slots' | 'queueRequests' | 'contextLength'

/** Ranges for the words under a field. */
export const numberRanges: Readonly<Record<NumberSetting, { readonly min: number; readonly max: number }>> = {
  slots: settingRange('slots'),
  queueRequests: settingRange('queueRequests'),
  contextLength: settingRange('contextLength'),
}

/** The number as typed, or null where it is no whole number in range. */
export function parseNumberSetting(name: NumberSetting, text: string): number | null {
  if (!/^\d+$/.test(text.trim())) return null
  const parsed = settingsPatchSchema.safeParse({ [name]: Number(text.trim()) })
  return parsed.success ? (parsed.data[name] ?? null) : null
}
