import { settingsPatchSchema } from '../../../shared/contracts/console.ts'

export type NumberSetting = 'slots' | 'queueRequests' | 'contextLength'

/** Ranges of the contract, for the words under a field (a test compares them with the schema). */
export const numberRanges: Readonly<Record<NumberSetting, { readonly min: number; readonly max: number }>> = {
  slots: { min: 1, max: 64 },
  queueRequests: { min: 0, max: 10_000 },
  contextLength: { min: 256, max: 131_072 },
}

/** The number as typed, or null where the contract refuses it. */
export function parseNumberSetting(name: NumberSetting, text: string): number | null {
  if (!/^\d+$/.test(text.trim())) return null
  const parsed = settingsPatchSchema.safeParse({ [name]: Number(text.trim()) })
  return parsed.success ? (parsed.data[name] ?? null) : null
}
