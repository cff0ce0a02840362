import { en } from '../../src/renderer/lib/i18n/en.ts'
import { zhCn } from '../../src/renderer/lib/i18n/zh-cn.ts'

export const texts = { en, 'zh-CN': zhCn }

export type Language = keyof typeof texts

/** A text with its `{{variables}}` filled in. */
export function filled(text: string, values: Readonly<Record<string, string | number>>): string {
  return text.replace(/\{\{(\w+)\}\}/g, (variable, name: string) => String(values[name] ?? variable))
}
