import type { SerialisedError } from '../errors/switchboard-error.ts'
import type { Precision } from './generation.ts'

/** What a job does, with all it needs to be started again. */
export type JobInput =
  /** Copies a Hugging Face folder into the catalog under `model` and builds its first version. */
  | { readonly kind: 'import'; readonly directory: string; readonly model: string; readonly precision: Precision }
  /** Builds the graph of a model that is in the catalog, as a version of this precision. */
  | { readonly kind: 'build'; readonly model: string; readonly precision: Precision }

/** `interrupted`: the process that ran the job is gone; the job can be started again or discarded. */
export type JobState =
  | { readonly kind: 'running'; readonly fraction: number; readonly step: string }
  | { readonly kind: 'done' }
  | { readonly kind: 'cancelled' }
  | { readonly kind: 'failed'; readonly error: SerialisedError }
  | { readonly kind: 'interrupted'; readonly fraction: number; readonly step: string }

/** Long work that outlives the window that started it. Times in milliseconds since the epoch. */
export interface Job {
  readonly id: string
  readonly input: JobInput
  readonly state: JobState
  /** Somebody asked it to stop; it has not stopped yet. */
  readonly cancelling: boolean
  readonly createdAt: number
  readonly updatedAt: number
}

/** Seconds left at the present rate; null while that cannot be said (the first 2 % or less than 2 s). */
export function secondsLeft({ state, createdAt }: Job, nowMs: number): number | null {
  if (state.kind !== 'running') return null
  const elapsedMs = nowMs - createdAt
  if (state.fraction < 0.02 || elapsedMs < 2000) return null
  return Math.ceil((elapsedMs / 1000) * (1 / state.fraction - 1))
}
