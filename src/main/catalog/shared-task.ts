import { raceAbort } from '../../shared/base/cancel-signal.ts'
import { cancelled, throwIfCancelled } from '../../shared/errors/cancelled.ts'
import type { LongTask, OnProgress } from '../platform/long-task.ts'

interface Running<Result> {
  readonly result: Promise<Result>
  readonly listeners: Set<OnProgress>
  readonly controller: AbortController
  waiters: number
}

/** Callers that need the same work share one run, which is aborted when the last of them has left. */
export class SharedTasks<Result> {
  readonly #running = new Map<string, Running<Result>>()

  /** @throws SwitchboardError cancelled when the caller's signal aborts; the errors of the work. */
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
        // A later caller must not join an aborted run.
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
    // Waiters see the failure; without waiters it must not become an unhandled rejection.
    result.catch(() => undefined)
    const running: Running<Result> = { result, listeners, controller, waiters: 0 }
    this.#running.set(key, running)
    return running
  }
}
