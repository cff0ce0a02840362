import { Button } from '@mantine/core'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useNavigate } from 'react-router'
import type { ModelStatus } from '../../shared/domain/status.ts'
import { bytes, exactTime, when } from '../lib/format.ts'
import { providerNames } from '../lib/provider-names.ts'
import { useStores } from '../stores/stores.ts'
import { useNotifyFailure } from '../ui/notify-failure.ts'
import { statusControl } from '../ui/status-control.ts'
import { Head } from './status-rows.tsx'
import { dotOf, engineText } from './status-text.ts'
import styles from './status-bar.module.css'

/** Every model in memory or on its way: what it takes, what it does, since when, and the way to give it back. */
export function ModelsDetails({
  models,
  defaultModel,
}: {
  readonly models: readonly ModelStatus[]
  readonly defaultModel: string
}) {
  const { t } = useTranslation()
  const navigate = useNavigate()
  return (
    <>
      <Head title={t('status.modelsTitle')} help={t('status.modelsHelp')} />
      <ul className={styles.models}>
        {models.map((model) => (
          <ModelRow key={model.key} value={model} isDefault={model.model === defaultModel} />
        ))}
      </ul>
      <div className={styles.actions}>
        <Button
          size="xs"
          variant="default"
          onClick={() => {
            statusControl.setState({ open: null })
            void navigate('/settings', { state: { section: 'models' } })
          }}
        >
          {t('status.manageModels')}
        </Button>
      </div>
    </>
  )
}

function ModelRow({ value, isDefault }: { readonly value: ModelStatus; readonly isDefault: boolean }) {
  const { t, i18n } = useTranslation()
  const { client } = useStores()
  const notifyFailure = useNotifyFailure()
  const [unloading, setUnloading] = useState(false)
  const { state, model, version, since, memoryBytes } = value
  const locale = i18n.language
  const unload = async (): Promise<void> => {
    setUnloading(true)
    try {
      await client.models.unload({ key: value.key })
    } catch (thrown) {
      notifyFailure(thrown, (reason) => t('status.unloadFailed', { reason }))
    } finally {
      setUnloading(false)
    }
  }
  const facts =
    state.kind === 'ready'
      ? [
          state.loaded.precision.toUpperCase(),
          providerNames[state.loaded.provider],
          t('status.requests', { running: state.stats.running, waiting: state.stats.waiting }),
          bytes(memoryBytes, locale),
        ]
      : [engineText(t, state), ...(memoryBytes > 0 ? [bytes(memoryBytes, locale)] : [])]
  return (
    <li className={styles.modelRow}>
      <div className={styles.modelText}>
        <span className={styles.modelName}>
          <span className={`${styles.dot} ${styles[dotOf[state.kind]]}`} aria-hidden />
          {model}
          <span className={styles.soft}> v{version}</span>
          {isDefault ? <span className={styles.badge}>{t('status.isDefault')}</span> : null}
        </span>
        <span className={`${styles.soft} sb-numbers`}>{facts.join(' · ')}</span>
        <span className={`${styles.soft} sb-numbers`} title={exactTime(since, locale)}>
          {unloading ? t('status.unloading') : t('status.since', { time: when(since, Date.now(), locale) })}
        </span>
      </div>
      {state.kind === 'off' ? null : (
        <Button
          size="compact-xs"
          variant="default"
          loading={unloading}
          aria-label={t('status.unloadName', { name: model })}
          onClick={() => void unload()}
        >
          {t('status.unload')}
        </Button>
      )}
    </li>
  )
}
