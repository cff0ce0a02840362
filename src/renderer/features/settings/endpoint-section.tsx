import { useTranslation } from 'react-i18next'
import { useStore } from 'zustand'
import { useStores } from '../../stores/stores.ts'
import { CopyButton } from '../../ui/copy-button.tsx'
import { Notice } from '../../ui/notice.tsx'
import { curlLine } from './curl-line.ts'
import { Section } from './section.tsx'
import styles from './settings.module.css'

/** Where programs reach the bot, ready to copy. */
export function EndpointSection() {
  const { t } = useTranslation()
  const { status, settings } = useStores()
  const known = useStore(status.store, (state) => state.status !== null)
  const url = useStore(status.store, (state) => state.status?.endpointUrl ?? null)
  const model = useStore(settings.store, (state) => state.settings.defaultModel)
  if (url === null) {
    return (
      <Section title={t('settings.endpoint')} help={t('settings.endpointHelp')}>
        <div className={styles.block}>
          {known ? <Notice kind="amber">{t('settings.endpointOff')}</Notice> : t('app.loading')}
        </div>
      </Section>
    )
  }
  const curl = curlLine(url, model, t('settings.keyPlaceholder'), t('welcome.en', { returnObjects: true })[0])
  return (
    <Section title={t('settings.endpoint')} help={t('settings.endpointHelp')}>
      <div className={styles.block}>
        <span className={styles.blockLabel}>{t('settings.address')}</span>
        <div className={styles.code}>
          <code>{url}</code>
          <CopyButton text={url} label={t('status.endpointCopy', { url })} />
        </div>
      </div>
      <div className={styles.block}>
        <span className={styles.blockLabel}>{t('settings.tryIt')}</span>
        <div className={styles.code}>
          <code>{curl}</code>
          <CopyButton text={curl} label={t('app.copy')} />
        </div>
      </div>
    </Section>
  )
}
