import { Button } from '@mantine/core'
import { Fragment, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useNavigate } from 'react-router'
import { shownError } from '../lib/shown-error.ts'
import type { EngineState, LoadedModel } from '../../shared/domain/engine.ts'
import type { AppStatus } from '../../shared/domain/status.ts'
import type { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import { bytes, duration, number } from '../lib/format.ts'
import type { LoadedModelStatus, ModelSums } from '../lib/model-status.ts'
import { providerNames } from '../lib/provider-names.ts'
import { useStores } from '../stores/stores.ts'
import { CopyButton } from '../ui/copy-button.tsx'
import { ErrorNotice, Notice } from '../ui/notice.tsx'
import { statusControl } from '../ui/status-control.ts'
import { Head, Rows } from './status-rows.tsx'
import styles from './status-bar.module.css'

function SettingsButton() {
  const { t } = useTranslation()
  const navigate = useNavigate()
  return (
    <Button
      size="xs"
      variant="default"
      onClick={() => {
        statusControl.setState({ open: null })
        void navigate('/settings', { state: { section: 'engine' } })
      }}
    >
      {t('status.settings')}
    </Button>
  )
}

export function EngineDetails({ engine }: { readonly engine: EngineState }) {
  const { t, i18n } = useTranslation()
  const { settings } = useStores()
  const [error, setError] = useState<SwitchboardError | null>(null)
  const restart = async (): Promise<void> => {
    setError(null)
    try {
      await settings.restartEngine()
    } catch (thrown) {
      setError(shownError(thrown))
    }
  }
  return (
    <>
      <Head title={t('status.engine')} help={t('status.engineHelp')} />
      {engine.kind === 'ready' ? (
        <Rows
          rows={[
            [t('status.process'), engine.pid],
            [t('status.loadTime'), duration(engine.loaded.loadMs, i18n.language)],
            [t('status.steps'), number(engine.stats.steps, i18n.language)],
          ]}
        />
      ) : null}
      {engine.kind === 'off' ? <p className={styles.help}>{t('status.offHelp')}</p> : null}
      {engine.kind === 'failed' || engine.kind === 'restarting' ? (
        <ErrorNotice error={engine.error} live={false} />
      ) : null}
      {error ? <ErrorNotice error={error} /> : null}
      <div className={styles.actions}>
        <Button size="xs" variant="default" onClick={() => void restart()}>
          {t('status.restart')}
        </Button>
        <SettingsButton />
      </div>
    </>
  )
}

export function ModelDetails({
  name,
  demo,
  loaded,
}: {
  readonly name: string
  readonly demo: boolean
  readonly loaded: LoadedModel | null
}) {
  const { t, i18n } = useTranslation()
  const locale = i18n.language
  const lowered = loaded?.lowered ?? null
  const room = ({ slots, contextLength }: Pick<LoadedModel, 'slots' | 'contextLength'>): string =>
    `${slots} × ${number(contextLength, locale)}`
  return (
    <>
      <Head
        title={`${t('status.model')}: ${name}${demo && name !== 'demo' ? ` (${t('app.demo')})` : ''}`}
        help={t('status.modelHelp')}
      />
      {loaded && lowered ? (
        <Notice kind="amber">
          {t('status.lowered', {
            wanted: room(lowered),
            used: room(loaded),
            needed: bytes(lowered.neededBytes, locale),
            free: bytes(lowered.freeBytes, locale),
          })}
        </Notice>
      ) : null}
      {loaded ? (
        <Rows
          rows={[
            [t('receipt.precision'), loaded.precision.toUpperCase()],
            [t('status.computesIn'), loaded.floats === 'float32' ? 'FP32' : 'FP16'],
            [t('status.context'), t('status.contextTokens', { value: number(loaded.contextLength, locale) })],
            [t('status.slots'), number(loaded.slots, locale)],
            [t('status.weights'), bytes(loaded.weightBytes, locale)],
            [t('status.kv'), bytes(loaded.kvBytes, locale)],
          ]}
        />
      ) : null}
    </>
  )
}

/** `model` is named where several are loaded. */
export function ProviderDetails({ model, loaded }: { readonly model: string | null; readonly loaded: LoadedModel }) {
  const { t } = useTranslation()
  const title = `${t('status.provider')}: ${providerNames[loaded.provider]}`
  return (
    <div className={styles.section}>
      <Head title={model === null ? title : `${model} · ${title}`} help={t('status.providerHelp')} />
      <p className={styles.help}>
        {t(loaded.refusals.length > 0 ? 'status.providerFallback' : 'status.providerPreferred')}
      </p>
      {loaded.refusals.length > 0 ? (
        <ul className={styles.refusals}>
          {loaded.refusals.map(({ provider, reason }) => (
            <li key={provider}>
              <span className={styles.refusalHead}>
                {providerNames[provider]}
                <CopyButton text={reason} label={`${t('app.copy')}: ${providerNames[provider]}`} />
              </span>
              <p>{reason}</p>
            </li>
          ))}
        </ul>
      ) : null}
      <div className={styles.actions}>
        <SettingsButton />
      </div>
    </div>
  )
}

export function RequestsDetails({
  models,
  sums,
  served,
}: {
  readonly models: readonly LoadedModelStatus[]
  readonly sums: ModelSums
  readonly served: number
}) {
  const { t, i18n } = useTranslation()
  const locale = i18n.language
  return (
    <>
      <Head title={t('status.requestsTitle')} help={t('status.requestsHelp')} />
      <Rows
        rows={[
          ...models.flatMap(
            ({ model, state: { stats } }) =>
              [
                [
                  models.length > 1 ? `${model}: ${t('status.slots')}` : t('status.slots'),
                  t('status.slotsFree', { free: stats.freeSlots, slots: stats.slots }),
                ],
              ] as const,
          ),
          [t('status.speed'), t('receipt.tokensPerSecond', { value: number(sums.tokensPerSecond, locale, 1) })],
          [t('status.served'), number(served, locale)],
        ]}
      />
    </>
  )
}

/** Whose memory it is: the program's, and of each engine with what weights and conversations take of it. */
export function MemoryDetails({ status, sums }: { readonly status: AppStatus; readonly sums: ModelSums }) {
  const { t, i18n } = useTranslation()
  const locale = i18n.language
  const exact = (value: number) => <span title={`${number(value, locale)} B`}>{bytes(value, locale)}</span>
  return (
    <>
      <Head title={t('status.memory')} help={t('status.memoryHelp')} />
      <dl className={styles.rows}>
        {status.models
          .filter(({ memoryBytes }) => memoryBytes > 0)
          .map(({ key, model, state, memoryBytes }) => (
            <Fragment key={key}>
              <div>
                <dt>{t('status.memoryEngine', { name: model })}</dt>
                <dd>{exact(memoryBytes)}</dd>
              </div>
              {state.kind === 'ready' ? (
                <div className={styles.ofThat}>
                  <dt>
                    {t('status.memoryOfThat', {
                      weights: bytes(state.loaded.weightBytes, locale),
                      kv: bytes(state.loaded.kvBytes, locale),
                    })}
                  </dt>
                </div>
              ) : null}
            </Fragment>
          ))}
        <div>
          <dt>{t('status.memoryProgram')}</dt>
          <dd>{exact(status.memoryBytes)}</dd>
        </div>
        <div className={styles.total}>
          <dt>{t('status.memoryTotal')}</dt>
          <dd>{exact(sums.memoryBytes)}</dd>
        </div>
      </dl>
    </>
  )
}
