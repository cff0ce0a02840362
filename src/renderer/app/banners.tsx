import { Button, Menu } from '@mantine/core'
import { IconChevronDown } from '@tabler/icons-react'
import type { TFunction } from 'i18next'
import { useEffect, useMemo, useState, type ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { useNavigate } from 'react-router'
import { useStore } from 'zustand'
import { errorText } from '../lib/error-text.ts'
import { when } from '../lib/format.ts'
import { jobName } from '../lib/job-text.ts'
import { windowTitle } from '../lib/window-title.ts'
import { useStores } from '../stores/stores.ts'
import { ErrorDetails, Notice } from '../ui/notice.tsx'
import { useNotifyFailure } from '../ui/notify-failure.ts'
import { statusControl } from '../ui/status-control.ts'
import { troublesOf, type Mend, type Trouble } from './health.ts'
import styles from './banners.module.css'

/** Over every page: what is wrong, since when, why, and the button that mends it. Marks the title of the window. */
export function Banners() {
  const { t } = useTranslation()
  const troubles = useTroubles()
  const alarm = troubles.some(({ kind }) => kind === 'engine-down')
  useEffect(() => windowTitle.setState({ alarm }), [alarm])
  if (troubles.length === 0) return null
  return (
    <section className={styles.banners} aria-label={t('banner.label')}>
      {troubles.map((trouble) => (
        <Banner key={trouble.kind === 'engine-down' ? trouble.model.key : trouble.kind} trouble={trouble} />
      ))}
    </section>
  )
}

function useTroubles(): readonly Trouble[] {
  const stores = useStores()
  const status = useStore(stores.status.store, (state) => state.status)
  const settings = useStore(stores.settings.store, (state) => (state.loaded ? state.settings : null))
  const models = useStore(stores.models.store, (state) => state.value)
  const assistants = useStore(stores.assistants.store, (state) => state.value)
  const jobs = useStore(stores.jobs.store)
  return useMemo(
    () => (settings ? troublesOf({ status, settings, models, assistants, jobs }) : []),
    [status, settings, models, assistants, jobs],
  )
}

function Banner({ trouble }: { readonly trouble: Trouble }) {
  const { t } = useTranslation()
  const red = trouble.kind === 'engine-down' || (trouble.kind === 'model-gone' && trouble.fallback === null)
  return (
    <Notice kind={red ? 'red' : 'amber'} live banner actions={<Action trouble={trouble} />}>
      {trouble.kind === 'engine-down' ? <EngineDown trouble={trouble} /> : troubleText(t, trouble)}
    </Notice>
  )
}

function EngineDown({ trouble }: { readonly trouble: Extract<Trouble, { kind: 'engine-down' }> }) {
  const { t, i18n } = useTranslation()
  const { model, error, isDefault } = trouble
  const time = when(model.since, Date.now(), i18n.language)
  return (
    <>
      <strong>{t(isDefault ? 'banner.engineDown' : 'banner.engineDownOther', { model: model.model, time })}</strong>{' '}
      {errorText(t, error)}
      <ErrorDetails error={error} />
    </>
  )
}

function troubleText(t: TFunction, trouble: Exclude<Trouble, { kind: 'engine-down' }>): string {
  switch (trouble.kind) {
    case 'model-gone': {
      const { model, fallback } = trouble
      return fallback === null ? t('banner.modelGoneNone', { model }) : t('banner.modelGone', { model, fallback })
    }
    case 'assistant-gone':
      return trouble.fallback === null
        ? t('banner.assistantGoneNone')
        : t('banner.assistantGone', { fallback: trouble.fallback })
    case 'jobs-interrupted': {
      const [first] = trouble.jobs
      return t('banner.jobsInterrupted', { count: trouble.jobs.length, name: first ? jobName(t, first) : '' })
    }
  }
}

function Action({ trouble }: { readonly trouble: Trouble }): ReactNode {
  const { t } = useTranslation()
  const navigate = useNavigate()
  switch (trouble.kind) {
    case 'engine-down':
      return <MendButton mend={trouble.mend} />
    case 'model-gone':
      return <ChooseModel />
    case 'assistant-gone':
      return (
        <Button size="xs" variant="default" onClick={() => void navigate('/assistants')}>
          {t('banner.chooseAssistant')}
        </Button>
      )
    case 'jobs-interrupted':
      return (
        <Button size="xs" variant="default" onClick={() => statusControl.setState({ open: 'jobs' })}>
          {t('banner.showJobs')}
        </Button>
      )
  }
}

function MendButton({ mend }: { readonly mend: Mend }) {
  const { t } = useTranslation()
  const { settings } = useStores()
  const notifyFailure = useNotifyFailure()
  const [busy, setBusy] = useState(false)
  if (mend === 'choose-model') return <ChooseModel />
  const run = async (): Promise<void> => {
    setBusy(true)
    try {
      if (mend === 'allow-cpu') {
        const { providers } = settings.store.getState().settings
        await settings.update({ providers: { ...providers, allowCpu: true } })
      }
      await settings.restartEngine()
    } catch (thrown) {
      notifyFailure(thrown)
    } finally {
      setBusy(false)
    }
  }
  return (
    <Button size="xs" color="red.8" loading={busy} onClick={() => void run()}>
      {t(mend === 'allow-cpu' ? 'banner.allowCpu' : 'banner.restart')}
    </Button>
  )
}

/** A menu of the models there are; the chosen one becomes the default. */
function ChooseModel() {
  const { t } = useTranslation()
  const { models, settings } = useStores()
  const standard = useStore(settings.store, (state) => state.settings.defaultModel)
  const list = useStore(models.store, (state) => state.value) ?? []
  const others = list.filter(({ name }) => name !== standard)
  if (others.length === 0) return null
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <Button size="xs" variant="default" rightSection={<IconChevronDown size={14} aria-hidden />}>
          {t('banner.chooseModel')}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {others.map(({ name }) => (
          <Menu.Item key={name} onClick={() => void settings.update({ defaultModel: name })}>
            {t('banner.useModel', { model: name })}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  )
}
