import type { TFunction } from 'i18next'
import { secondsLeft, type Job } from '../../shared/domain/job.ts'
import { number } from './format.ts'

/** What the job is doing, such as `Importing tea-7b`. */
export function jobActivity(t: TFunction, { input }: Job): string {
  return input.kind === 'import'
    ? t('jobs.import', { model: input.model })
    : t('jobs.build', { model: input.model, version: input.version })
}

/** The job as a thing, such as `Import of tea-7b`. */
export function jobName(t: TFunction, { input }: Job): string {
  return input.kind === 'import'
    ? t('jobs.nameImport', { model: input.model })
    : t('jobs.nameBuild', { model: input.model, version: input.version })
}

/** What the job has achieved, once it is done. */
export function jobResult(t: TFunction, { input }: Job): string {
  return input.kind === 'import'
    ? t('jobs.imported', { model: input.model })
    : t('jobs.built', { model: input.model, version: input.version })
}

/** Time left in the largest fitting unit; null while it cannot be said. */
export function timeLeft(t: TFunction, locale: string, job: Job, nowMs: number): string | null {
  const seconds = secondsLeft(job, nowMs)
  if (seconds === null) return null
  if (seconds < 90) return t('jobs.secondsLeft', { value: number(seconds, locale) })
  if (seconds < 90 * 60) return t('jobs.minutesLeft', { value: number(Math.round(seconds / 60), locale) })
  return t('jobs.hoursLeft', { value: number(Math.round(seconds / 3600), locale) })
}

/** How far a running or interrupted job got, as `42 %`; null for the other states. */
export function percentDone({ state }: Job): string | null {
  return 'fraction' in state ? `${Math.floor(state.fraction * 100)} %` : null
}
