import { IconAlertTriangleFilled, IconChevronUp } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import { useStore } from 'zustand'
import type { EngineState } from '../../shared/domain/engine.ts'
import type { AppStatus } from '../../shared/domain/status.ts'
import { errorDetails } from '../lib/error-text.ts'
import { bytes } from '../lib/format.ts'
import { defaultModelStatus, loadedModels, modelSums } from '../lib/model-status.ts'
import { providerNames } from '../lib/provider-names.ts'
import { useStores } from '../stores/stores.ts'
import { EndpointPart } from './status-endpoint.tsx'
import { EngineDetails, MemoryDetails, ModelDetails, ProviderDetails, RequestsDetails } from './status-details.tsx'
import { JobsPart } from './status-jobs.tsx'
import { ModelsDetails } from './status-models.tsx'
import { StatusPart } from './status-part.tsx'
import { dotOf, engineText } from './status-text.ts'
import styles from './status-bar.module.css'

/** Always true: fed by the engines through the status stream. Without news it says so instead of showing old values. */
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

/** The worst of all engines where one failed, else the default model's. */
function shownEngine(status: AppStatus): EngineState {
  const failed = status.models.find(({ state }) => state.kind === 'failed')
  return failed?.state ?? defaultModelStatus(status)?.state ?? { kind: 'off' }
}

function Parts({ status }: { readonly status: AppStatus }) {
  const { t, i18n } = useTranslation()
  const { jobs } = useStores()
  const hasJobs = useStore(jobs.store, (list) => list !== null && list.length > 0)
  const engine = shownEngine(status)
  const loaded = loadedModels(status)
  const sums = modelSums(status)
  const providers = [...new Set(loaded.map(({ state }) => state.loaded.provider))]
  const fallback = loaded.some(({ state }) => state.loaded.refusals.length > 0)
  return (
    <>
      <StatusPart
        id="engine"
        name={t('status.engine')}
        value={
          <>
            <span className={`${styles.dot} ${styles[dotOf[engine.kind]]}`} aria-hidden />
            <span className={styles.engineText}>{engineText(t, engine)}</span>
          </>
        }
      >
        <EngineDetails engine={engine} />
      </StatusPart>
      <ModelsPart status={status} />
      {loaded.length > 0 ? (
        <>
          <StatusPart
            id="provider"
            name={t('status.provider')}
            amber={fallback}
            wideOnly
            value={
              <>
                {fallback ? <IconAlertTriangleFilled size={12} aria-hidden /> : null}
                {providers.map((provider) => providerNames[provider]).join(', ')}
              </>
            }
          >
            {loaded.map(({ key, model, state }) => (
              <ProviderDetails key={key} model={loaded.length > 1 ? model : null} loaded={state.loaded} />
            ))}
          </StatusPart>
          <StatusPart
            id="requests"
            name={t('status.requestsTitle')}
            wideOnly
            value={t('status.requests', { running: sums.running, waiting: sums.waiting })}
          >
            <RequestsDetails models={loaded} sums={sums} served={status.requests.total} />
          </StatusPart>
        </>
      ) : null}
      <StatusPart
        id="memory"
        name={t('status.memory')}
        // On a phone there is room for one of the two.
        wideOnly={hasJobs}
        value={t('status.memoryValue', { value: bytes(sums.memoryBytes, i18n.language) })}
      >
        <MemoryDetails status={status} sums={sums} />
      </StatusPart>
      <JobsPart />
      <EndpointPart url={status.endpointUrl} />
    </>
  )
}

/** One model by name and precision; several by their number, with a list behind it. */
function ModelsPart({ status }: { readonly status: AppStatus }) {
  const { t } = useTranslation()
  const { models } = useStores()
  const only = status.models[0]
  const demo = useStore(
    models.store,
    (state) => state.value?.some((model) => model.demo && model.name === only?.model) ?? false,
  )
  if (only === undefined) return null
  const several = status.models.length > 1
  const loaded = only.state.kind === 'ready' ? only.state.loaded : null
  const lowered = loadedModels(status).some(({ state }) => state.loaded.lowered !== null)
  return (
    <StatusPart
      id="models"
      name={several ? t('status.modelsTitle') : t('status.model')}
      amber={lowered}
      value={
        <>
          {lowered ? <IconAlertTriangleFilled size={12} aria-hidden /> : null}
          {several ? (
            <>
              {t('status.models', { count: status.models.length })}
              <IconChevronUp size={12} aria-hidden />
            </>
          ) : (
            <>
              {only.model}
              {demo && only.model !== 'demo' ? ` (${t('app.demo')})` : ''}
              {loaded ? ` · ${loaded.precision.toUpperCase()}` : ''}
            </>
          )}
        </>
      }
    >
      {several ? null : <ModelDetails name={only.model} demo={demo} loaded={loaded} />}
      <ModelsDetails models={status.models} defaultModel={status.defaultModel} />
    </StatusPart>
  )
}
