import type { DoctorReport } from '../../shared/domain/status.ts'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import type { TurnService } from './turns.ts'
import type { Storage } from '../storage/storage.ts'
import { watchAppStatus, type StatusSources } from '../telemetry/app-status.ts'
import type { ConsoleServices, ServerDependencies } from '../http/ports.ts'

export interface ConsoleServiceDependencies {
  readonly info: { readonly version: string; readonly host: 'electron' | 'headless'; readonly home: string }
  readonly storage: Pick<Storage, 'conversations' | 'presets' | 'settings' | 'keys'>
  readonly turns: Pick<TurnService, 'send' | 'regenerate' | 'stop'>
  readonly models: ServerDependencies['models']
  readonly status: StatusSources
  readonly examine: () => Promise<DoctorReport>
  readonly restartEngine: () => Promise<void>
  /** Opens an address outside; null where the host has no such thing and the page does it itself. */
  readonly openExternal: ((url: string) => Promise<void>) | null
}

/** What the console may call, over the services; nothing is decided here. */
export function createConsoleServices({
  info,
  storage,
  turns,
  models,
  status,
  examine,
  restartEngine,
  openExternal,
}: ConsoleServiceDependencies): ConsoleServices {
  const { conversations, presets, settings, keys } = storage
  return {
    app: {
      info: () => info,
      status: (_nothing, signal) => watchAppStatus(status, signal),
      doctor: () => examine(),
      restartEngine: () => restartEngine(),
      async openExternal({ url }) {
        if (openExternal === null)
          throw new SwitchboardError('invalid_request', 'The browser opens links itself.', { param: 'url' })
        await openExternal(url)
      },
    },
    conversations: {
      list: (query) => conversations.list(query),
      get: ({ id }) => conversations.get(id),
      create({ model, presetId }) {
        const { defaultModel, defaultPresetId } = settings.get()
        // A default whose preset was removed starts an empty conversation; one that was named has to exist.
        const preset =
          presetId === undefined ? presets.list().find(({ id }) => id === defaultPresetId) : presets.get(presetId)
        return conversations.create({
          model: model ?? defaultModel,
          presetId: preset?.id ?? null,
          systemPrompt: preset?.systemPrompt ?? '',
          parameters: preset?.parameters ?? {},
        })
      },
      update: ({ id, ...patch }) => conversations.update(id, patch),
      showBranch: ({ id, messageId }) => conversations.showBranch(id, messageId),
      remove({ id }) {
        conversations.remove(id)
        turns.stop(id)
      },
      restore: ({ id }) => conversations.restore(id),
    },
    chat: {
      send: (turn, signal) => turns.send(turn, signal),
      regenerate: (turn, signal) => turns.regenerate(turn, signal),
      stop: ({ conversationId }) => turns.stop(conversationId),
    },
    presets: {
      list: () => presets.list(),
      save: (preset) => presets.save(preset),
      remove: ({ id }) => presets.remove(id),
    },
    models: { list: () => models.list() },
    keys: {
      list: () => keys.list(),
      create: ({ name }) => keys.create(name),
      revoke: ({ id }) => keys.revoke(id),
    },
    settings: {
      get: () => ({ settings: settings.get(), defaults: settings.defaults }),
      update: (patch) => settings.update(patch),
    },
  }
}
