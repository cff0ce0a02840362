import { createStore, type StoreApi } from 'zustand/vanilla'
import type { ConsoleClient } from '../../shared/contracts/console-bridge.ts'
import type { Job } from '../../shared/domain/job.ts'

export interface JobsStore {
  /** All jobs that are not dismissed, newest first; null while the program has not said. */
  readonly store: StoreApi<readonly Job[] | null>
  /** Follows the jobs until the stream ends; called anew after each reconnect. */
  follow(): Promise<void>
}

/** The jobs of the program, for the status bar and every page, from one stream. */
export function createJobsStore(client: ConsoleClient): JobsStore {
  const store = createStore<readonly Job[] | null>(() => null)
  let generation = 0
  return {
    store,
    async follow() {
      const mine = (generation += 1)
      try {
        for await (const jobs of await client.jobs.watch()) {
          if (mine !== generation) return
          store.setState(jobs, true)
        }
      } catch {
        // A lost connection is shown over the page.
      } finally {
        // Progress that is no longer fed must not be shown.
        if (mine === generation) store.setState(null, true)
      }
    },
  }
}
