import { Button, Select } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useId, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useStore } from 'zustand'
import type { ModelSummary, ModelVersion } from '../../../shared/domain/model.ts'
import { bytes, exactTime, number, when } from '../../lib/format.ts'
import { useStores } from '../../stores/stores.ts'
import { ErrorNotice } from '../../ui/notice.tsx'
import { useNotifyFailure } from '../../ui/notify-failure.ts'
import { Row, Section } from './section.tsx'
import styles from './settings.module.css'

/** The models of the catalog: which is the default, which version of each answers, and which take memory now. */
export function ModelsSection() {
  const { t } = useTranslation()
  const { models } = useStores()
  const state = useStore(models.store)
  return (
    <Section title={t('settings.models')} help={t('settings.modelsHelp')}>
      <DefaultModel />
      {state.kind === 'failed' ? (
        <div className={styles.block}>
          <ErrorNotice
            error={state.error}
            lead={t('settings.modelsFailed')}
            actions={
              <Button size="xs" variant="default" onClick={() => void models.load()}>
                {t('app.retry')}
              </Button>
            }
          />
        </div>
      ) : null}
      {state.kind === 'ready' && state.value.length === 0 ? (
        <p className={styles.empty}>{t('settings.modelsEmpty')}</p>
      ) : null}
      {state.value !== null && state.value.length > 0 ? (
        <ul className={styles.models} aria-label={t('settings.models')}>
          {state.value.map((model) => (
            <Model key={model.name} value={model} />
          ))}
        </ul>
      ) : null}
    </Section>
  )
}

function DefaultModel() {
  const { t } = useTranslation()
  const { settings, models } = useStores()
  const value = useStore(settings.store, (state) => state.settings.defaultModel)
  const list = useStore(models.store, (state) => state.value)
  const gone = list !== null && !list.some(({ name }) => name === value)
  const id = useId()
  return (
    <Row label={t('settings.defaultModel')} help={t('settings.defaultModelHelp')} htmlFor={id}>
      <Select
        id={id}
        className={styles.select ?? ''}
        allowDeselect={false}
        value={value}
        error={gone}
        onChange={(next) => {
          if (next !== null) void settings.update({ defaultModel: next })
        }}
        data={[
          ...(gone ? [{ value, label: t('settings.defaultModelGone', { name: value }) }] : []),
          ...(list ?? []).map(({ name }) => ({ value: name, label: name })),
        ]}
      />
    </Row>
  )
}

function Model({ value }: { readonly value: ModelSummary }) {
  const { t, i18n } = useTranslation()
  const { status, client } = useStores()
  const notifyFailure = useNotifyFailure()
  const [unloading, setUnloading] = useState(false)
  const { name, demo, precision, parameters, contextLength, versions } = value
  const locale = i18n.language
  const inMemory = useStore(
    status.store,
    (state) => state.status?.models.find((model) => model.model === name && model.state.kind === 'ready') ?? null,
  )
  const unload = async (): Promise<void> => {
    if (!inMemory) return
    setUnloading(true)
    try {
      await client.models.unload({ key: inMemory.key })
    } catch (thrown) {
      notifyFailure(thrown, (reason) => t('status.unloadFailed', { reason }))
    } finally {
      setUnloading(false)
    }
  }
  return (
    <li>
      <div className={styles.modelRow}>
        <div className={`${styles.modelText} sb-numbers`}>
          <span className={styles.modelName}>
            {name}
            {demo && name !== 'demo' ? <span className={styles.badge}>{t('app.demo')}</span> : null}
            <span className={styles.badge}>{precision.toUpperCase()}</span>
          </span>
          <span>
            {t('settings.modelFacts', {
              parameters: new Intl.NumberFormat(locale, { notation: 'compact', maximumFractionDigits: 1 }).format(
                parameters,
              ),
              size: bytes(value.bytes, locale),
              tokens: number(contextLength, locale),
            })}
          </span>
          <span>
            {inMemory === null
              ? t('settings.modelNotLoaded')
              : t('settings.modelLoaded', { memory: bytes(inMemory.memoryBytes, locale) })}
          </span>
        </div>
        {inMemory === null ? null : (
          <Button
            size="xs"
            variant="default"
            loading={unloading}
            aria-label={t('status.unloadName', { name })}
            onClick={() => void unload()}
          >
            {t('status.unload')}
          </Button>
        )}
      </div>
      {versions.length > 1 ? (
        <ul className={styles.versions}>
          {versions.toReversed().map((version) => (
            <Version key={version.version} model={value} value={version} />
          ))}
        </ul>
      ) : null}
    </li>
  )
}

function Version({ model, value }: { readonly model: ModelSummary; readonly value: ModelVersion }) {
  const { t, i18n } = useTranslation()
  const { client, models } = useStores()
  const notifyFailure = useNotifyFailure()
  const { name, activeVersion } = model
  const { version, precision, createdAt } = value
  const use = async (): Promise<void> => {
    try {
      await client.models.use({ name, version })
      await models.load()
      notifications.show({
        message: t('settings.modelUsed', { name, version }),
        closeButtonProps: { 'aria-label': t('app.close') },
      })
    } catch (thrown) {
      notifyFailure(thrown)
    }
  }
  return (
    <li>
      <span className="sb-numbers" title={exactTime(createdAt, i18n.language)}>
        v{version} · {precision.toUpperCase()} · {when(createdAt, Date.now(), i18n.language)}
      </span>
      {version === activeVersion ? (
        <span className={styles.badge}>{t('settings.modelActive')}</span>
      ) : (
        <Button
          size="compact-xs"
          variant="default"
          aria-label={t('settings.modelUseName', { name, version })}
          onClick={() => void use()}
        >
          {t('settings.modelUse')}
        </Button>
      )}
    </li>
  )
}
