import i18next from 'i18next'
import { initReactI18next } from 'react-i18next'
import type { Settings } from '../../../shared/domain/settings.ts'
import { en } from './en.ts'
import { zhCn } from './zh-cn.ts'

export type Language = 'en' | 'zh-CN'

declare module 'i18next' {
  interface CustomTypeOptions {
    resources: { translation: typeof en }
    returnNull: false
  }
}

/** The language to show: the setting, else the first language of the system that we speak, else English. */
export function chooseLanguage(setting: Settings['language'], systemLanguages: readonly string[]): Language {
  if (setting !== 'auto') return setting
  for (const language of systemLanguages) {
    if (/^zh\b/i.test(language)) return 'zh-CN'
    if (/^en\b/i.test(language)) return 'en'
  }
  return 'en'
}

/** Both languages are part of the program, so this never waits for a file. */
export async function startI18n(language: Language): Promise<void> {
  await i18next.use(initReactI18next).init({
    lng: language,
    fallbackLng: 'en',
    resources: { en: { translation: en }, 'zh-CN': { translation: zhCn } },
    interpolation: { escapeValue: false },
    react: { useSuspense: false },
  })
}
