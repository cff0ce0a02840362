import { Button } from '@mantine/core'
import { useState, type ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { useNavigate } from 'react-router'
import { shownError } from '../lib/shown-error.ts'
import type { EngineState, EngineStats, LoadedModel } from '../../shared/domain/engine.ts'
import type { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import { bytes, duration, number } from '../lib/format.ts'
import { providerNames } from '../lib/provider-names.ts'
import { useStores } from '../stores/stores.ts'
import { ErrorNotice, Notice } from '../ui/notice.tsx'
import styles from './status-bar.module.css'

function Rows({ rows }: { readonly rows: readonly (readonly [string, ReactNode])[] }) {
  return (
    <dl className={styles.rows}>
      {rows.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  )
}

function Head({ title, help }: { readonly title: string; readonly help: string }) {
  return (
    <>
      <h2 className={styles.head}>{title}</h2>
      <p className={styles.help}>{help}</p>
    </>
  )
}

function SettingsButton() {
  const { t } = useTranslation()
  const navigate = useNavigate()
  return (
    <Button size="xs" variant="default" onClick={() => void navigate('/settings')}>
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

export function ProviderDetails({ loaded }: { readonly loaded: LoadedModel }) {
  const { t } = useTranslation()
  return (
    <>
      <Head title={`${t('status.provider')}: ${providerNames[loaded.provider]}`} help={t('status.providerHelp')} />
      <p className={styles.help}>
        {t(loaded.refusals.length > 0 ? 'status.providerFallback' : 'status.providerPreferred')}
      </p>
      {loaded.refusals.length > 0 ? (
        <Rows rows={loaded.refusals.map((refusal) => [providerNames[refusal.provider], refusal.reason])} />
      ) : null}
      <div className={styles.actions}>
        <SettingsButton />
      </div>
    </>
  )
}

export function RequestsDetails({ stats, served }: { readonly stats: EngineStats; readonly served: number }) {
  const { t, i18n } = useTranslation()
  const locale = i18n.language
  return (
    <>
      <Head title={t('status.requestsTitle')} help={t('status.requestsHelp')} />
      <Rows
        rows={[
          [t('status.slots'), t('status.slotsFree', { free: stats.freeSlots, slots: stats.slots })],
          [t('status.speed'), t('receipt.tokensPerSecond', { value: number(stats.tokensPerSecond, locale, 1) })],
          [t('status.served'), number(served, locale)],
        ]}
      />
    </>
  )
}

export function MemoryDetails({ total, loaded }: { readonly total: number; readonly loaded: LoadedModel | null }) {
  const { t, i18n } = useTranslation()
  const locale = i18n.language
  return (
    <>
      <Head title={t('status.memory')} help={t('status.memoryHelp')} />
      <Rows
        rows={[
          [
            t('status.memory'),
            <span key="memory" title={`${number(total, locale)} B`}>
              {bytes(total, locale)}
            </span>,
          ],
          ...(loaded
            ? ([
                [t('status.weights'), bytes(loaded.weightBytes, locale)],
                [t('status.kv'), bytes(loaded.kvBytes, locale)],
              ] as const)
            : []),
        ]}
      />
    </>
  )
}
