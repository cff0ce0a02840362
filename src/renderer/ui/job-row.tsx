import { Button, Progress } from '@mantine/core'
import type { TFunction } from 'i18next'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import type { Job } from '../../shared/domain/job.ts'
import { errorText } from '../lib/error-text.ts'
import { jobActivity, jobName, percentDone, timeLeft } from '../lib/job-text.ts'
import styles from './job-row.module.css'

interface JobRowProps {
  readonly job: Job
  readonly onCancel: () => void
  readonly onResume: () => void
  readonly onDismiss: () => void
}

/** One job: what it is, how far it got, and what can be done about it. */
export function JobRow({ job, onCancel, onResume, onDismiss }: JobRowProps) {
  const { t, i18n } = useTranslation()
  const name = jobName(t, job)
  const { state } = job
  const button = (text: string, label: string, onClick: () => void): ReactNode => (
    <Button key={text} size="compact-xs" variant="default" aria-label={label} onClick={onClick}>
      {text}
    </Button>
  )
  const again = button(t('jobs.again'), t('jobs.againName', { name }), onResume)
  const remove = button(t('jobs.remove'), t('jobs.removeName', { name }), onDismiss)
  const actions: Readonly<Record<Job['state']['kind'], readonly ReactNode[]>> = {
    running: job.cancelling ? [] : [button(t('jobs.cancel'), t('jobs.cancelName', { name }), onCancel)],
    interrupted: [again, button(t('jobs.discard'), t('jobs.discardName', { name }), onDismiss)],
    failed: [again, remove],
    cancelled: [again, remove],
    done: [remove],
  }
  return (
    <div className={styles.row}>
      <div className={styles.head}>
        <span className={styles.name}>{state.kind === 'running' ? jobActivity(t, job) : name}</span>
        <span className={styles.actions}>{actions[state.kind]}</span>
      </div>
      {state.kind === 'running' ? (
        <Progress size="xs" value={state.fraction * 100} aria-label={name} transitionDuration={0} />
      ) : null}
      <div className={`${styles.facts} sb-numbers`}>{facts(t, i18n.language, job)}</div>
    </div>
  )
}

function facts(t: TFunction, locale: string, job: Job): ReactNode {
  const { state } = job
  switch (state.kind) {
    case 'running': {
      if (job.cancelling) return t('jobs.cancelling')
      const left = timeLeft(t, locale, job, Date.now())
      return (
        <>
          <span>{percentDone(job)}</span>
          <span>{state.step}</span>
          {left === null ? null : <span>{left}</span>}
        </>
      )
    }
    case 'interrupted':
      return (
        <span className={styles.amber}>{t('jobs.interrupted', { percent: Math.floor(state.fraction * 100) })}</span>
      )
    case 'failed':
      return (
        <span className={styles.red} title={`${state.error.code}: ${state.error.message}`}>
          {t('jobs.failed')}: {errorText(t, state.error)}
        </span>
      )
    case 'cancelled':
      return t('jobs.cancelled')
    case 'done':
      return <span className={styles.good}>{t('jobs.done')}</span>
  }
}
