import { SegmentedControl } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import { useStore } from 'zustand'
import { useStores } from '../../stores/stores.ts'
import { Row, Section } from './section.tsx'

/** Language and theme. */
export function AppearanceSection() {
  const { t } = useTranslation()
  const { settings } = useStores()
  const language = useStore(settings.store, (state) => state.settings.language)
  const theme = useStore(settings.store, (state) => state.settings.theme)
  return (
    <Section title={t('settings.appearance')} help={t('settings.appearanceHelp')}>
      <Row label={t('settings.language')}>
        <SegmentedControl
          size="xs"
          aria-label={t('settings.language')}
          value={language}
          onChange={(value) => void settings.update({ language: value })}
          data={[
            { value: 'auto', label: t('settings.languageAuto') },
            { value: 'en', label: 'English' },
            { value: 'zh-CN', label: '简体中文' },
          ]}
        />
      </Row>
      <Row label={t('settings.theme')}>
        <SegmentedControl
          size="xs"
          aria-label={t('settings.theme')}
          value={theme}
          onChange={(value) => void settings.update({ theme: value })}
          data={[
            { value: 'auto', label: t('settings.themeAuto') },
            { value: 'light', label: t('settings.themeLight') },
            { value: 'dark', label: t('settings.themeDark') },
          ]}
        />
      </Row>
    </Section>
  )
}
