import { IconAlertTriangleFilled } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import { useStore } from 'zustand'
import type { EngineState } from '../../shared/domain/engine.ts'
import type { AppStatus } from '../../shared/domain/status.ts'
import { errorDetails } from '../lib/error-text.ts'
import { bytes } from '../lib/format.ts'
import { defaultModelStatus } from '../lib/model-status.ts'
import { providerNames } from '../lib/provider-names.ts'
import { useStores } from '../stores/stores.ts'
import { EndpointPart } from './status-endpoint.tsx'
import { StatusPart } from './status-part.tsx'
import { EngineDetails, MemoryDetails, ModelDetails, ProviderDetails, RequestsDetails } from './status-details.tsx'
import { engineText } from './status-text.ts'
import styles from './status-bar.module.css'

/** Always true: fed by the engine through the status stream. Without news it says so instead of showing old values. */
export function StatusBar() {
  const { t } = useTranslation()
  const { status } = useStores()
  const current = useStore(status.store, (state) => state.status)
  const error = useStore(status.store, (state) => state.error)
  return (
    <footer className={`${styles.bar} sb-numbers`} aria-label={t('status.label')}>
      {current ? (
        <Parts status={current} />
      ) : (
        <span className={styles.silent} title={error ? errorDetails(error) : undefined}>
          {t('status.unknown')}
        </span>
      )}
    </footer>
  )
}

const dotOf: Readonly<Record<EngineState['kind'], 'good' | 'amber' | 'red' | 'off'>> = {
  ready: 'good',
  off: 'off',
  starting: 'amber',
  preparing: 'amber',
  loading: 'amber',
  restarting: 'amber',
  failed: 'red',
}

function Parts({ status }: { readonly status: AppStatus }) {
  const { t, i18n } = useTranslation()
  const { models } = useStores()
  const engine: EngineState = defaultModelStatus(status)?.state ?? { kind: 'off' }
  const name = engine.kind === 'off' ? null : engine.kind === 'ready' ? engine.loaded.model : engine.model
  const demo = useStore(
    models.store,
    (state) => state.value?.some((model) => model.demo && model.name === name) ?? false,
  )
  const loaded = engine.kind === 'ready' ? engine.loaded : null
  const lowered = loaded !== null && loaded.lowered !== null
  const fallback = loaded !== null && loaded.refusals.length > 0
  return (
    <>
      <StatusPart
        name={t('status.engine')}
        value={
          <>
            <span className={`${styles.dot} ${styles[dotOf[engine.kind]]}`} aria-hidden />
            {engineText(t, engine)}
          </>
        }
      >
        <EngineDetails engine={engine} />
      </StatusPart>
      {name === null ? null : (
        <StatusPart
          name={t('status.model')}
          amber={lowered}
          value={
            <>
              {lowered ? <IconAlertTriangleFilled size={12} aria-hidden /> : null}
              {name}
              {demo && name !== 'demo' ? ` (${t('app.demo')})` : ''}
              {loaded ? ` · ${loaded.precision.toUpperCase()}` : ''}
            </>
          }
        >
          <ModelDetails name={name} demo={demo} loaded={loaded} />
        </StatusPart>
      )}
      {loaded ? (
        <StatusPart
          name={t('status.provider')}
          amber={fallback}
          value={
            <>
              {fallback ? <IconAlertTriangleFilled size={12} aria-hidden /> : null}
              {providerNames[loaded.provider]}
            </>
          }
        >
          <ProviderDetails loaded={loaded} />
        </StatusPart>
      ) : null}
      {engine.kind === 'ready' ? (
        <StatusPart
          name={t('status.requestsTitle')}
          value={t('status.requests', { running: engine.stats.running, waiting: engine.stats.waiting })}
        >
          <RequestsDetails stats={engine.stats} served={status.requests.total} />
        </StatusPart>
      ) : null}
      <StatusPart name={t('status.memory')} value={bytes(status.memoryBytes, i18n.language)}>
        <MemoryDetails total={status.memoryBytes} loaded={loaded} />
      </StatusPart>
      <EndpointPart url={status.endpointUrl} />
    </>
  )
}
