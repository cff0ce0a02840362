import { useTranslation } from 'react-i18next'
import { useStore } from 'zustand'
import { callName } from '../../../shared/domain/assistant.ts'
import { useStores } from '../../stores/stores.ts'
import { CopyButton } from '../../ui/copy-button.tsx'
import { Notice } from '../../ui/notice.tsx'
import { curlLine } from './curl-line.ts'
import { Section } from './section.tsx'
import styles from './settings.module.css'

/** Where programs reach the bot, ready to copy. */
export function EndpointSection() {
  const { t, i18n } = useTranslation()
  const { status, settings, assistants } = useStores()
  const known = useStore(status.store, (state) => state.status !== null)
  const url = useStore(status.store, (state) => state.status?.endpointUrl ?? null)
  const defaultModel = useStore(settings.store, (state) => state.settings.defaultModel)
  const defaultId = useStore(settings.store, (state) => state.settings.defaultAssistantId)
  // Programs that name nothing get the default assistant once it is published: the line to try it says its name.
  const published = useStore(
    assistants.store,
    (state) => state.value?.find(({ id, publishedVersion }) => id === defaultId && publishedVersion !== null) ?? null,
  )
  const model = published === null ? defaultModel : callName(published.name)
  if (url === null) {
    return (
      <Section title={t('settings.endpoint')} help={t('settings.endpointHelp')}>
        <div className={styles.block}>
          {known ? <Notice kind="amber">{t('settings.endpointOff')}</Notice> : t('app.loading')}
        </div>
      </Section>
    )
  }
  const [question] = t(i18n.language === 'zh-CN' ? 'welcome.zh' : 'welcome.en', { returnObjects: true })
  const curl = curlLine(url, model, t('settings.keyPlaceholder'), question)
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
