import { createStore, type StoreApi } from 'zustand/vanilla'
import type { ConsoleClient } from '../../shared/contracts/console-bridge.ts'
import { defaultSettings, type Settings } from '../../shared/domain/settings.ts'
import { toSwitchboardError } from '../bridge/reviving-link.ts'
import type { Saving } from '../lib/saving.ts'

export interface SettingsState {
  readonly settings: Settings
  readonly defaults: Settings
  /** False until the program's own settings arrived. */
  readonly loaded: boolean
  readonly saving: Saving
  /** Changed since the engine was last told: takes effect with a restart of the engine. */
  readonly engineRestartNeeded: boolean
}

export interface SettingsStore {
  readonly store: StoreApi<SettingsState>
  load(): Promise<void>
  update(patch: Partial<Settings>): Promise<void>
  /** Starts the engine again, by which every setting is in force. */
  restartEngine(): Promise<void>
}

const appliedAtRestart: readonly (keyof Settings)[] = ['providers', 'slots', 'contextLength', 'queueRequests']

export function createSettingsStore(client: ConsoleClient): SettingsStore {
  const store = createStore<SettingsState>(() => ({
    settings: defaultSettings,
    defaults: defaultSettings,
    loaded: false,
    saving: { kind: 'idle' },
    engineRestartNeeded: false,
  }))
  return {
    store,
    async load() {
      try {
        store.setState({ ...(await client.settings.get()), loaded: true })
      } catch (thrown) {
        store.setState({ saving: { kind: 'failed', error: toSwitchboardError(thrown) } })
      }
    },
    async update(patch) {
      const before = store.getState().settings
      store.setState({ settings: { ...before, ...patch }, saving: { kind: 'saving' } })
      try {
        const settings = await client.settings.update(patch)
        const restart = appliedAtRestart.some((name) => name in patch)
        store.setState((state) => ({
          settings,
          saving: { kind: 'saved' },
          engineRestartNeeded: state.engineRestartNeeded || restart,
        }))
      } catch (thrown) {
        store.setState({ settings: before, saving: { kind: 'failed', error: toSwitchboardError(thrown) } })
      }
    },
    async restartEngine() {
      await client.app.restartEngine()
      store.setState({ engineRestartNeeded: false })
    },
  }
}
