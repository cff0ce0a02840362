import { raceAbort } from '../../shared/base/cancel-signal.ts'
import { cancelled, throwIfCancelled } from '../../shared/errors/cancelled.ts'
import type { LongTask, OnProgress } from '../platform/long-task.ts'

interface Running<Result> {
  readonly result: Promise<Result>
  readonly listeners: Set<OnProgress>
  readonly controller: AbortController
  waiters: number
}

/** Several callers that need the same piece of work share one run; it is stopped once the last of them has left. */
export class SharedTasks<Result> {
  readonly #running = new Map<string, Running<Result>>()

  /** @throws SwitchboardError cancelled when the caller's signal is aborted; whatever the work throws otherwise. */
  async join(key: string, start: (task: Required<LongTask>) => Promise<Result>, task: LongTask): Promise<Result> {
    throwIfCancelled(task.signal)
    const running = this.#running.get(key) ?? this.#start(key, start)
    running.waiters++
    if (task.onProgress !== undefined) running.listeners.add(task.onProgress)
    try {
      return await (task.signal === undefined
        ? running.result
        : raceAbort(running.result, task.signal, () => cancelled()))
    } finally {
      if (task.onProgress !== undefined) running.listeners.delete(task.onProgress)
      running.waiters--
      if (running.waiters === 0) {
        running.controller.abort()
        // a later caller must not join a run that was told to stop
        if (this.#running.get(key) === running) this.#running.delete(key)
      }
    }
  }

  #start(key: string, start: (task: Required<LongTask>) => Promise<Result>): Running<Result> {
    const listeners = new Set<OnProgress>()
    const controller = new AbortController()
    const onProgress: OnProgress = (fraction, step) => {
      for (const listener of listeners) listener(fraction, step)
    }
    const result = start({ onProgress, signal: controller.signal })
    // every waiter sees the failure; without waiters nobody is left to tell
    result.catch(() => undefined)
    const running: Running<Result> = { result, listeners, controller, waiters: 0 }
    this.#running.set(key, running)
    return running
  }
}
