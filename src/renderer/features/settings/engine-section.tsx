import { Button, Select, Switch, TextInput } from '@mantine/core'
import { IconAlertTriangle, IconCheck, IconX } from '@tabler/icons-react'
import { useEffect, useId, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useStore } from 'zustand'
import { shownError } from '../../lib/shown-error.ts'
import type { ProviderPolicy } from '../../../shared/domain/engine.ts'
import type { SwitchboardError } from '../../../shared/errors/switchboard-error.ts'
import { number } from '../../lib/format.ts'
import { defaultModelStatus } from '../../lib/model-status.ts'
import { providerNames } from '../../lib/provider-names.ts'
import { useStores } from '../../stores/stores.ts'
import { ErrorNotice } from '../../ui/notice.tsx'
import { numberRanges, parseNumberSetting, type NumberSetting } from './number-fields.ts'
import { helpId, Row, Section } from './section.tsx'
import styles from './settings.module.css'

/** How the engine runs. Kept at once; in force after a restart of the engine, which is one press away. */
export function EngineSection() {
  const { t } = useTranslation()
  const { settings } = useStores()
  const policy = useStore(settings.store, (state) => state.settings.providers)
  const standard = useStore(settings.store, (state) => state.defaults.providers)
  const prefer = useId()
  const allowCpu = useId()
  const preferText = (value: ProviderPolicy['prefer']): string =>
    value === 'auto' ? t('settings.preferAuto') : providerNames[value]
  return (
    <Section title={t('settings.engine')} help={t('settings.engineHelp')}>
      <Row
        label={t('settings.prefer')}
        help={t('settings.preferHelp')}
        htmlFor={prefer}
        changed={
          policy.prefer === standard.prefer ? null : (
            <Back
              value={preferText(standard.prefer)}
              onClick={() => void settings.update({ providers: { ...policy, prefer: standard.prefer } })}
            />
          )
        }
      >
        <Select
          id={prefer}
          attributes={describedBy(helpId(prefer))}
          className={styles.select ?? ''}
          allowDeselect={false}
          value={policy.prefer}
          onChange={(value) =>
            void settings.update({ providers: { ...policy, prefer: value as ProviderPolicy['prefer'] } })
          }
          data={(['auto', 'cuda', 'webgpu', 'cpu'] as const).map((value) => ({ value, label: preferText(value) }))}
        />
      </Row>
      <Row label={t('settings.allowCpu')} help={t('settings.allowCpuHelp')} htmlFor={allowCpu}>
        <Switch
          id={allowCpu}
          aria-describedby={helpId(allowCpu)}
          checked={policy.allowCpu}
          onChange={(event) =>
            void settings.update({ providers: { ...policy, allowCpu: event.currentTarget.checked } })
          }
        />
      </Row>
      <Providers />
      <NumberRow name="slots" label={t('settings.slots')} help={t('settings.slotsHelp')} />
      <NumberRow name="queueRequests" label={t('settings.queue')} help={t('settings.queueHelp')} />
      <NumberRow
        name="contextLength"
        label={t('settings.context')}
        help={t('settings.contextHelp')}
        unit={t('settings.unitTokens')}
      />
      <Apply />
    </Section>
  )
}

function Back({ value, onClick }: { readonly value: string; readonly onClick: () => void }) {
  const { t } = useTranslation()
  return (
    <Button className={styles.back ?? ''} variant="subtle" size="compact-xs" onClick={onClick}>
      {t('app.reset', { value })}
    </Button>
  )
}

/** Whether each provider is usable, as the doctor found it, beside the choice. */
function Providers() {
  const { t } = useTranslation()
  const { doctor, status } = useStores()
  const providers = useStore(doctor.store, (state) => state.value?.providers ?? null)
  const inUse = useStore(status.store, ({ status: known }) => {
    const state = known && defaultModelStatus(known)?.state
    return state?.kind === 'ready' ? state.loaded.provider : null
  })
  if (providers === null) return null
  return (
    <div className={styles.block}>
      <span className={styles.blockLabel}>{t('settings.providersSaid')}</span>
      <ul className={styles.providers}>
        {providers.map(({ provider, usable, reason }) => (
          <li key={provider}>
            <span className={styles.providerName}>{providerNames[provider]}</span>
            <span className={usable ? styles.ok : styles.notOk}>
              {usable ? <IconCheck size={14} aria-hidden /> : <IconX size={14} aria-hidden />}
              {inUse === provider ? t('settings.inUse') : usable ? t('settings.usable') : t('settings.notUsable')}
            </span>
            {usable ? null : <span className={styles.soft}>{reason}</span>}
          </li>
        ))}
      </ul>
    </div>
  )
}

/** Mantine writes its own `aria-describedby` over a given one; what comes in by `attributes` is written last. */
function describedBy(...ids: readonly string[]) {
  return { input: { 'aria-describedby': ids.join(' ') } }
}

function NumberRow({
  name,
  label,
  help,
  unit,
}: {
  readonly name: NumberSetting
  readonly label: string
  readonly help: string
  readonly unit?: string
}) {
  const { t, i18n } = useTranslation()
  const { settings } = useStores()
  const value = useStore(settings.store, (state) => state.settings[name])
  const standard = useStore(settings.store, (state) => state.defaults[name])
  const [text, setText] = useState(String(value))
  useEffect(() => setText(String(value)), [value])
  const id = useId()
  const errorId = `${id}-error`
  const parsed = parseNumberSetting(name, text)
  const { min, max } = numberRanges[name]
  const save = (): void => {
    if (parsed !== null && parsed !== value) void settings.update({ [name]: parsed })
  }
  return (
    <Row
      label={label}
      help={help}
      htmlFor={id}
      changed={
        value === standard ? null : (
          <Back value={number(standard, i18n.language)} onClick={() => void settings.update({ [name]: standard })} />
        )
      }
    >
      <TextInput
        id={id}
        className={styles.number ?? ''}
        classNames={{ input: 'sb-numbers' }}
        inputMode="numeric"
        attributes={describedBy(helpId(id), ...(parsed === null ? [errorId] : []))}
        errorProps={{ id: errorId }}
        value={text}
        error={
          parsed === null
            ? t('inspector.rangeWhole', { min: number(min, i18n.language), max: number(max, i18n.language) })
            : null
        }
        rightSection={unit === undefined ? undefined : <span className={styles.soft}>{unit}</span>}
        rightSectionWidth={unit === undefined ? undefined : 56}
        onChange={(event) => setText(event.currentTarget.value)}
        onBlur={save}
        onKeyDown={(event) => {
          if (event.key === 'Enter') save()
          else if (event.key === 'Escape') setText(String(value))
        }}
      />
    </Row>
  )
}

function Apply() {
  const { t } = useTranslation()
  const { settings, doctor, status } = useStores()
  const needed = useStore(settings.store, (state) => state.engineRestartNeeded)
  const stopped = useStore(
    status.store,
    ({ status: known }) => known !== null && defaultModelStatus(known)?.state.kind === 'failed',
  )
  const [error, setError] = useState<SwitchboardError | null>(null)
  const [restarting, setRestarting] = useState(false)
  const restart = async (): Promise<void> => {
    setRestarting(true)
    setError(null)
    try {
      await settings.restartEngine()
      await doctor.load()
    } catch (thrown) {
      setError(shownError(thrown))
    } finally {
      setRestarting(false)
    }
  }
  return (
    <>
      {error ? (
        <div className={styles.block}>
          <ErrorNotice error={error} />
        </div>
      ) : null}
      <div className={styles.apply}>
        <span className={`${styles.applyText} ${needed || stopped ? styles.applyPending : ''}`} role="status">
          {needed || stopped ? (
            <>
              <IconAlertTriangle size={16} aria-hidden />
              {t(stopped ? 'settings.applyStopped' : 'settings.applyPending')}
            </>
          ) : (
            t('settings.applyNothing')
          )}
        </span>
        <Button
          variant={needed || stopped ? 'filled' : 'default'}
          disabled={!needed && !stopped}
          loading={restarting}
          onClick={() => void restart()}
        >
          {t('settings.apply')}
        </Button>
      </div>
    </>
  )
}
