import { dirname } from 'node:path'
import type { Disposable } from '../../shared/base/disposable.ts'
import type { GraphDescription } from '../../shared/contracts/graph.ts'
import { parseToolEvent, type InspectedModel, type ToolJob, type ToolResult } from '../../shared/contracts/jobs.ts'
import type { Precision } from '../../shared/domain/generation.ts'
import { cancelled, throwIfCancelled } from '../../shared/errors/cancelled.ts'
import { revive, SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import type { ChildProcessHandle, ProcessLauncher } from '../platform/child-process.ts'
import type { LongTask } from '../platform/long-task.ts'
import { processEntry } from '../platform/process-entry.ts'
import { removeStagingLeftovers } from '../platform/staging.ts'
import { watchMemory } from './watch-memory.ts'

export interface ToolLimits {
  /** A job that sends no message for this long is ended. */
  readonly silenceMs: number
  /** Resident memory above which a job is ended (Linux only). */
  readonly memoryBytes: number
}

/** Weights are streamed, so memory does not grow with the model. */
export const DEFAULT_TOOL_LIMITS: ToolLimits = { silenceMs: 5 * 60_000, memoryBytes: 2 * 1024 ** 3 }

/** Heap limit of the tool process in MiB, so that a hostile file cannot exhaust the memory of the machine. */
const MAX_HEAP_MIB = 1024

const resultOf = { inspect: 'inspected', build: 'built' } as const satisfies Record<ToolJob['kind'], ToolResult['kind']>

/** Runs each job in its own tool process. A failed job leaves nothing behind. */
export class ToolJobs implements Disposable {
  readonly #launch: ProcessLauncher
  readonly #entry: string
  readonly #limits: ToolLimits
  readonly #running = new Map<ChildProcessHandle, Promise<ToolResult>>()

  constructor(launch: ProcessLauncher, options: { readonly entry?: string; readonly limits?: ToolLimits } = {}) {
    this.#launch = launch
    this.#entry = options.entry ?? processEntry('tool')
    this.#limits = options.limits ?? DEFAULT_TOOL_LIMITS
  }

  /** @throws SwitchboardError the job's own error; cancelled, tool_crashed, job_failed (a limit was exceeded). */
  async run(job: ToolJob, task: LongTask = {}): Promise<ToolResult> {
    throwIfCancelled(task.signal)
    const child = this.#launch({
      entry: this.#entry,
      name: 'switchboard-tool',
      maxHeapMiB: MAX_HEAP_MIB,
    })
    const ended = this.#follow(child, job, task)
    this.#running.set(child, ended)
    try {
      return await ended
    } catch (failure) {
      if (job.kind === 'build') await removeStagingLeftovers(dirname(job.target))
      throw failure
    } finally {
      this.#running.delete(child)
    }
  }

  /** @throws SwitchboardError see {@link run}; the errors of an inspection. */
  async inspect(source: string, task: LongTask = {}): Promise<InspectedModel> {
    const result = await this.run({ kind: 'inspect', source }, task)
    if (result.kind !== 'inspected') throw wrongResult(result)
    return result.model
  }

  /** @throws SwitchboardError see {@link run}; the errors of a build. */
  async build(
    job: { readonly source: string; readonly target: string; readonly precision: Precision },
    task: LongTask = {},
  ): Promise<GraphDescription> {
    const result = await this.run({ kind: 'build', ...job }, task)
    if (result.kind !== 'built') throw wrongResult(result)
    return result.description
  }

  /** Kills every job and waits for the processes to exit. */
  async dispose(): Promise<void> {
    const running = [...this.#running]
    for (const [child] of running) child.kill()
    await Promise.allSettled(running.map(([, ended]) => ended))
  }

  /** Settles after the process has exited, so that a cleanup does not race it. */
  #follow(child: ChildProcessHandle, job: ToolJob, { onProgress, signal }: LongTask): Promise<ToolResult> {
    return new Promise((resolve, reject) => {
      let result: ToolResult | undefined
      let failure: SwitchboardError | undefined
      const end = (why: SwitchboardError): void => {
        if (result !== undefined) return
        failure ??= why
        child.kill()
      }
      const onAbort = (): void => end(cancelled())
      const onSilence = (): void =>
        end(
          new SwitchboardError(
            'job_failed',
            `the job made no progress for ${this.#limits.silenceMs / 1000} s and was ended`,
          ),
        )
      let silence = setTimeout(onSilence, this.#limits.silenceMs)
      const memory = watchMemory(child, this.#limits.memoryBytes, (bytes) =>
        end(
          new SwitchboardError('job_failed', `the job used ${bytes} bytes of memory and was ended`, {
            details: { bytes },
          }),
        ),
      )

      child.onMessage((message) => {
        clearTimeout(silence)
        silence = setTimeout(onSilence, this.#limits.silenceMs)
        const event = parseToolEvent(message)
        if (event === null) return end(new SwitchboardError('tool_crashed', 'the tool process sent an invalid message'))
        if (event.kind === 'progress') onProgress?.(event.fraction, event.step)
        else if (event.kind === 'result' && event.result.kind !== resultOf[job.kind]) end(wrongResult(event.result))
        else if (event.kind === 'result') result = event.result
        else failure ??= revive(event.error)
      })
      child.onExit(({ code, signal: killedBy }) => {
        clearTimeout(silence)
        memory.dispose()
        signal?.removeEventListener('abort', onAbort)
        if (failure !== undefined) reject(failure)
        else if (result !== undefined) resolve(result)
        else
          reject(
            new SwitchboardError(
              'tool_crashed',
              `the tool process ended (${killedBy ?? `code ${code}`}) before the ${job.kind} job was done`,
              { cause: new Error(child.stderrTail()) },
            ),
          )
      })
      signal?.addEventListener('abort', onAbort, { once: true })
      child.send(job)
    })
  }
}

function wrongResult(result: ToolResult): SwitchboardError {
  return new SwitchboardError('tool_crashed', `the tool process answered with ${result.kind}`)
}
