import { createStore, type StoreApi } from 'zustand/vanilla'
import type { ConsoleClient } from '../../shared/contracts/console-bridge.ts'
import { defaultSettings, type Settings } from '../../shared/domain/settings.ts'
import { toSwitchboardError } from '../bridge/reviving-link.ts'
import { PendingEdits } from '../lib/pending-edits.ts'
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
  /** The engine was started, perhaps from another window: every setting is in force. */
  engineStarted(): void
}

const appliedAtRestart: readonly (keyof Settings)[] = ['providers', 'slots', 'contextLength', 'queueRequests']

function differAtRestart(before: Settings, after: Settings): boolean {
  return appliedAtRestart.some((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]))
}

export function createSettingsStore(client: ConsoleClient): SettingsStore {
  const store = createStore<SettingsState>(() => ({
    settings: defaultSettings,
    defaults: defaultSettings,
    loaded: false,
    saving: { kind: 'idle' },
    engineRestartNeeded: false,
  }))
  const edits = new PendingEdits<Settings>()
  const show = (fields: Partial<Settings>): void =>
    store.setState(({ settings }) => ({ settings: { ...settings, ...fields } }))
  return {
    store,
    async load() {
      try {
        const { settings, defaults } = await client.settings.get()
        store.setState((before) => ({
          settings: edits.over(settings),
          defaults,
          loaded: true,
          // Changed in another window or from the command line.
          engineRestartNeeded:
            before.engineRestartNeeded || (before.loaded && differAtRestart(before.settings, settings)),
        }))
      } catch (thrown) {
        store.setState({ saving: { kind: 'failed', error: toSwitchboardError(thrown) } })
      }
    },
    async update(patch) {
      const edit = edits.begin(patch, store.getState().settings)
      show(patch)
      store.setState({ saving: { kind: 'saving' } })
      try {
        show(edits.accept(edit, await client.settings.update(patch)))
        const restart = appliedAtRestart.some((name) => name in patch)
        store.setState(({ saving, engineRestartNeeded }) => ({
          saving: edits.isEmpty && saving.kind === 'saving' ? { kind: 'saved' } : saving,
          engineRestartNeeded: engineRestartNeeded || restart,
        }))
      } catch (thrown) {
        show(edits.refuse(edit))
        store.setState({ saving: { kind: 'failed', error: toSwitchboardError(thrown) } })
      }
    },
    engineStarted() {
      store.setState({ engineRestartNeeded: false })
    },
    async restartEngine() {
      await client.app.restartEngine()
      store.setState({ engineRestartNeeded: false })
    },
  }
}
