import { ActionIcon } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { IconAlertTriangleFilled, IconCircleCheck, IconProgress, IconX } from '@tabler/icons-react'
import { useEffect, useRef } from 'react'
import { useTranslation } from 'react-i18next'
import { useStore } from 'zustand'
import type { Job } from '../../shared/domain/job.ts'
import { jobActivity, jobName, jobResult, percentDone, timeLeft } from '../lib/job-text.ts'
import { useStores } from '../stores/stores.ts'
import { JobRow } from '../ui/job-row.tsx'
import { useNotifyFailure } from '../ui/notify-failure.ts'
import { StatusPart } from './status-part.tsx'
import { Head } from './status-rows.tsx'
import styles from './status-bar.module.css'

/** Long work: the newest running job with its progress, or what waits for somebody. Absent while there is none. */
export function JobsPart() {
  const { t, i18n } = useTranslation()
  const { jobs, client } = useStores()
  const list = useStore(jobs.store) ?? []
  const notifyFailure = useNotifyFailure()
  useAnnouncedEnds(list)
  if (list.length === 0) return null
  const running = list.filter(({ state }) => state.kind === 'running')
  const waiting = list.filter(({ state }) => state.kind === 'interrupted' || state.kind === 'failed')
  const shown = running[0]
  const left = shown && timeLeft(t, i18n.language, shown, Date.now())
  return (
    <span className={styles.jobs}>
      <StatusPart
        id="jobs"
        name={t('jobs.title')}
        amber={running.length === 0 && waiting.length > 0}
        value={
          shown ? (
            <>
              <IconProgress size={14} aria-hidden />
              <span className={styles.wideOnly}>{jobActivity(t, shown)}</span>
              {shown.cancelling ? t('jobs.cancelling') : percentDone(shown)}
              {left ? ` · ${left}` : ''}
              {running.length > 1 ? ` · ${t('jobs.more', { count: running.length - 1 })}` : ''}
            </>
          ) : waiting.length > 0 ? (
            <>
              <IconAlertTriangleFilled size={12} aria-hidden />
              {t('jobs.attention', { count: waiting.length })}
            </>
          ) : (
            <>
              <IconCircleCheck size={14} aria-hidden />
              {t('jobs.finished', { count: list.length })}
            </>
          )
        }
      >
        <Head title={t('jobs.title')} help={t('jobs.help')} />
        <ul className={styles.jobList}>
          {list.map((job) => (
            <li key={job.id}>
              <JobRow
                job={job}
                onCancel={() => void client.jobs.cancel({ id: job.id }).catch(notifyFailure)}
                onResume={() => void client.jobs.resume({ id: job.id }).catch(notifyFailure)}
                onDismiss={() => void client.jobs.dismiss({ id: job.id }).catch(notifyFailure)}
              />
            </li>
          ))}
        </ul>
      </StatusPart>
      {shown && !shown.cancelling ? (
        <ActionIcon
          variant="subtle"
          color="gray"
          size={22}
          aria-label={t('jobs.cancelName', { name: jobName(t, shown) })}
          title={t('jobs.cancel')}
          onClick={() => void client.jobs.cancel({ id: shown.id }).catch(notifyFailure)}
        >
          <IconX size={14} aria-hidden />
        </ActionIcon>
      ) : null}
    </span>
  )
}

/** Says at the edge of the window that a job ended which was seen running. */
function useAnnouncedEnds(list: readonly Job[]): void {
  const { t } = useTranslation()
  const running = useRef<ReadonlySet<string>>(new Set())
  useEffect(() => {
    for (const job of list) {
      if (!running.current.has(job.id) || (job.state.kind !== 'done' && job.state.kind !== 'failed')) continue
      const failed = job.state.kind === 'failed'
      notifications.show({
        ...(failed ? { color: 'red' } : {}),
        message: failed ? t('jobs.failedToast', { name: jobName(t, job) }) : jobResult(t, job),
        closeButtonProps: { 'aria-label': t('app.close') },
      })
    }
    running.current = new Set(list.filter(({ state }) => state.kind === 'running').map(({ id }) => id))
  }, [list, t])
}
