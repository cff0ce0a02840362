import { createStore, type StoreApi } from 'zustand/vanilla'
import type { AppStatus } from '../../shared/domain/status.ts'
import type { ConsoleClient } from '../../shared/contracts/console-bridge.ts'
import type { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import { toSwitchboardError } from '../bridge/reviving-link.ts'

export interface AppInfo {
  readonly version: string
  readonly host: 'electron' | 'headless'
  readonly home: string
}

export interface StatusState {
  /**
   * Null until the first value arrived and while the stream is broken: the status bar shows nothing it does not know.
   */
  readonly status: AppStatus | null
  readonly info: AppInfo | null
  /** Why there is no status, where that is known. */
  readonly error: SwitchboardError | null
}

export interface StatusStore {
  readonly store: StoreApi<StatusState>
  /** Follows the status until the stream ends; called anew after each reconnect. */
  follow(): Promise<void>
}

export function createStatusStore(client: ConsoleClient): StatusStore {
  const store = createStore<StatusState>(() => ({ status: null, info: null, error: null }))
  let generation = 0
  return {
    store,
    async follow() {
      const mine = (generation += 1)
      try {
        store.setState({ info: await client.app.info(), error: null })
        for await (const status of await client.app.status()) {
          if (mine !== generation) return
          store.setState({ status })
        }
      } catch (thrown) {
        if (mine === generation) store.setState({ error: toSwitchboardError(thrown) })
      } finally {
        // A status that is no longer fed must not be shown.
        if (mine === generation) store.setState({ status: null })
      }
    },
  }
}
