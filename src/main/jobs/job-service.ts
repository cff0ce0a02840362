import type { Disposable } from '../../shared/base/disposable.ts'
import { Emitter } from '../../shared/base/emitter.ts'
import type { Job, JobInput } from '../../shared/domain/job.ts'
import { serialise, SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import type { JobRepository } from '../storage/repositories.ts'

/** Does what a job asks. @throws SwitchboardError cancelled when the signal aborted it; what the work failed with. */
export type RunJob = (
  input: JobInput,
  task: { readonly onProgress: (fraction: number, step: string) => void; readonly signal: AbortSignal },
) => Promise<void>

export interface JobServiceOptions {
  readonly jobs: JobRepository
  readonly run: RunJob
  /** Identifies this process among those that share the home; unlike that of any process before it. */
  readonly owner: string
}

/** How often a running job is written down; also its sign of life, and when a request to stop is seen. */
const HEARTBEAT_MS = 1000
/** A running job whose process was silent for this long belongs to a dead process. */
const SILENCE_MS = 15_000

interface Running {
  readonly abort: AbortController
  fraction: number
  step: string
  readonly ended: Promise<Job>
}

/**
 * Long work as rows: started here, watched and stopped from any window and any process of this home, found again after a
 * crash.
 */
export class JobService implements Disposable {
  readonly #jobs: JobRepository
  readonly #run: RunJob
  readonly #owner: string
  readonly #running = new Map<string, Running>()
  readonly #changes = new Emitter<void>()
  readonly #heartbeat: NodeJS.Timeout
  #beating = false

  constructor({ jobs, run, owner }: JobServiceOptions) {
    this.#jobs = jobs
    this.#run = run
    this.#owner = owner
    this.#heartbeat = setInterval(() => void this.#beat(), HEARTBEAT_MS).unref()
  }

  /** Announces every change of a job, progress included. */
  readonly onChange = this.#changes.on

  /** Rows changed in another process. */
  announce(): void {
    this.#changes.emit()
  }

  /** All jobs that are not dismissed, newest first; running ones of this process with their progress of this moment. */
  async list(): Promise<readonly Job[]> {
    return (await this.#jobs.list()).map((job) => this.#withProgress(job))
  }

  /** Begins the job and returns at once; its end is in its row. */
  async start(input: JobInput): Promise<Job> {
    const job = await this.#jobs.start(input, this.#owner)
    this.#follow(job)
    return job
  }

  /** Begins the job and waits for its end. @throws SwitchboardError what it failed with; cancelled. */
  async complete(
    input: JobInput,
    {
      signal,
      onProgress,
    }: { readonly signal?: AbortSignal; readonly onProgress?: (fraction: number, step: string) => void } = {},
  ): Promise<Job> {
    const job = await this.#jobs.start(input, this.#owner)
    const running = this.#follow(job, onProgress)
    const stop = (): void => running.abort.abort()
    if (signal?.aborted === true) stop()
    signal?.addEventListener('abort', stop, { once: true })
    const ended = await running.ended.finally(() => signal?.removeEventListener('abort', stop))
    const { state } = ended
    if (state.kind === 'failed') throw new SwitchboardError(state.error.code, state.error.message, state.error)
    if (state.kind === 'cancelled') throw new SwitchboardError('cancelled', 'the job was stopped')
    return ended
  }

  /** Starts an interrupted, cancelled or failed job again. @throws SwitchboardError job_not_found, invalid_request. */
  async resume(id: string): Promise<Job> {
    const job = await this.#jobs.restart(id, this.#owner)
    this.#follow(job)
    return job
  }

  /** Asks a job to stop, whichever process runs it. @throws SwitchboardError job_not_found */
  async cancel(id: string): Promise<void> {
    await this.#jobs.requestCancel(id)
    this.#running.get(id)?.abort.abort()
    this.#changes.emit()
  }

  /** Takes an ended job off the list. @throws SwitchboardError job_not_found, invalid_request for a running one. */
  async dismiss(id: string): Promise<void> {
    await this.#jobs.dismiss(id)
    this.#changes.emit()
  }

  /** Stops what runs here and waits until it has ended; its rows say interrupted, so that it can be started again. */
  async dispose(): Promise<void> {
    clearInterval(this.#heartbeat)
    const running = [...this.#running.values()]
    for (const { abort } of running) abort.abort(interrupted)
    await Promise.allSettled(running.map(({ ended }) => ended))
  }

  #follow(job: Job, onProgress?: (fraction: number, step: string) => void): Running {
    const abort = new AbortController()
    const running: Running = { abort, fraction: 0, step: '', ended: this.#settle(job, abort, onProgress) }
    this.#running.set(job.id, running)
    this.#changes.emit()
    running.ended.catch(() => undefined)
    return running
  }

  async #settle(job: Job, abort: AbortController, onProgress?: (fraction: number, step: string) => void): Promise<Job> {
    // The caller enters the job into the map of running ones first.
    await Promise.resolve()
    let failure: unknown = null
    try {
      await this.#run(job.input, {
        signal: abort.signal,
        onProgress: (fraction, step) => {
          const running = this.#running.get(job.id)
          if (running === undefined) return
          running.fraction = fraction
          running.step = step
          onProgress?.(fraction, step)
          this.#changes.emit()
        },
      })
    } catch (thrown) {
      failure = thrown
    }
    const { fraction = 0, step = '' } = this.#running.get(job.id) ?? {}
    try {
      if (failure === null) return await this.#jobs.end(job.id, { kind: 'done' })
      if (abort.signal.aborted && abort.signal.reason === interrupted)
        return await this.#jobs.end(job.id, { kind: 'interrupted', fraction, step })
      if (abort.signal.aborted) return await this.#jobs.end(job.id, { kind: 'cancelled' })
      return await this.#jobs.end(job.id, { kind: 'failed', error: serialise(failure) })
    } finally {
      this.#running.delete(job.id)
      this.#changes.emit()
    }
  }

  /** Writes progress down, hears of requests to stop, and finds jobs whose process died. */
  async #beat(): Promise<void> {
    if (this.#beating) return
    this.#beating = true
    try {
      for (const [id, { abort, fraction, step }] of this.#running) {
        const { cancelling } = await this.#jobs.progress(id, fraction, step)
        if (cancelling) abort.abort()
      }
      const abandoned = await this.#jobs.interruptAbandoned(SILENCE_MS)
      if (abandoned.length > 0) this.#changes.emit()
    } catch {
      // A disk that refuses once is asked again in a second; the end of a job is written by its own call.
    } finally {
      this.#beating = false
    }
  }

  #withProgress(job: Job): Job {
    const running = this.#running.get(job.id)
    if (running === undefined || job.state.kind !== 'running') return job
    const { fraction, step, abort } = running
    return { ...job, state: { kind: 'running', fraction, step }, cancelling: abort.signal.aborted }
  }
}

/** The reason of a signal that aborts because the program closes, not because somebody asked. */
const interrupted = Symbol('interrupted')
