import { SegmentedControl } from '@mantine/core'
import { IconArrowRight } from '@tabler/icons-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useStore } from 'zustand'
import { useStores } from '../../stores/stores.ts'
import styles from './welcome.module.css'

type ExampleLanguage = 'en' | 'zh' | 'es'
const names: Readonly<Record<ExampleLanguage, string>> = { en: 'English', zh: '中文', es: 'Español' }

/** What the program is, in three sentences at the first run, and questions that send at once. */
export function Welcome({ onAsk }: { readonly onAsk: (question: string) => void }) {
  const { t, i18n } = useTranslation()
  const { settings } = useStores()
  const loaded = useStore(settings.store, (state) => state.loaded)
  const welcomed = useStore(settings.store, (state) => state.settings.welcomed)
  const [language, setLanguage] = useState<ExampleLanguage>(i18n.language === 'zh-CN' ? 'zh' : 'en')
  const first = loaded && !welcomed
  return (
    <div className={styles.scroll}>
      <div className={styles.welcome}>
        <h2 className={styles.title}>{first ? t('welcome.title') : t('welcome.again')}</h2>
        {first ? (
          <div className={styles.text}>
            <p>{t('welcome.one')}</p>
            <p>{t('welcome.two')}</p>
            <p>{t('welcome.three')}</p>
          </div>
        ) : null}
        <div className={styles.head}>
          <h3 className={styles.sub}>{t('welcome.examples')}</h3>
          <SegmentedControl
            size="xs"
            aria-label={t('welcome.language')}
            value={language}
            onChange={(value) => setLanguage(value as ExampleLanguage)}
            data={Object.entries(names).map(([value, label]) => ({ value, label }))}
          />
        </div>
        <ul className={styles.examples} lang={language}>
          {t(`welcome.${language}`, { returnObjects: true }).map((question) => (
            <li key={question}>
              <button type="button" className={styles.example} onClick={() => onAsk(question)}>
                <span>{question}</span>
                <IconArrowRight size={16} aria-hidden />
              </button>
            </li>
          ))}
        </ul>
      </div>
    </div>
  )
}
