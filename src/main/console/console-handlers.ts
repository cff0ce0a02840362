import type { ContractProcedure, InferSchemaOutput } from '@orpc/contract'
import type { consoleContract } from '../../shared/contracts/console.ts'
import type { ModelSummary } from '../../shared/domain/model.ts'
import type { DoctorReport } from '../../shared/domain/status.ts'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import type { JobService } from '../jobs/job-service.ts'
import type { Storage } from '../storage/repositories.ts'
import { watchAppStatus, type StatusSources } from '../telemetry/app-status.ts'
import { assistantFile, valuesOf } from '../catalog/assistant-file.ts'
import { importAssistant } from '../catalog/import-assistant.ts'
import type { TurnService } from './turns.ts'
import { watchChanges, watchLatest } from './watch.ts'

type Contract = typeof consoleContract

/** A stream's handler returns the iterable at once; every other one a value or a promise of it. */
type Answer<Output> = Output extends AsyncIterable<infer Item> ? AsyncIterable<Item> : Output | Promise<Output>

type Handler<Procedure> =
  Procedure extends ContractProcedure<infer Input, infer Output, infer _Errors, infer _Meta>
    ? (input: InferSchemaOutput<Input>, signal: AbortSignal) => Answer<InferSchemaOutput<Output>>
    : never

/**
 * One function per procedure of the console contract. The input was parsed by the contract's schema, with defaults filled
 * in; the signal aborts when the caller leaves or its connection closes. Throws SwitchboardError; anything else reaches
 * the window as `internal`.
 */
export type ConsoleHandlers = {
  readonly [Group in keyof Contract]: { readonly [Name in keyof Contract[Group]]: Handler<Contract[Group][Name]> }
}

export interface ConsoleDependencies {
  readonly info: { readonly version: string; readonly host: 'electron' | 'headless'; readonly home: string }
  readonly storage: Pick<Storage, 'conversations' | 'assistants' | 'settings' | 'keys' | 'onChange'>
  readonly turns: Pick<TurnService, 'send' | 'regenerate' | 'continue' | 'watch' | 'stop'>
  readonly models: {
    list(): Promise<readonly ModelSummary[]>
    use(name: string, version: number): Promise<ModelSummary>
  }
  readonly engines: { unload(key: string): Promise<void> }
  readonly jobs: Pick<JobService, 'list' | 'cancel' | 'resume' | 'dismiss' | 'onChange'>
  readonly status: StatusSources
  readonly examine: () => Promise<DoctorReport>
  readonly restartEngine: () => Promise<void>
  /** Opens an address outside; null where the host has no such thing and the page does it itself. */
  readonly openExternal: ((url: string) => Promise<void>) | null
}

/** What the window may call. */
export function createConsoleHandlers(dependencies: ConsoleDependencies): ConsoleHandlers {
  const { info, storage, turns, models, engines, jobs, status, examine, restartEngine, openExternal } = dependencies
  const { conversations, assistants, settings, keys } = storage
  return {
    app: {
      info: () => info,
      status: (_nothing, signal) => watchAppStatus(status, signal),
      doctor: () => examine(),
      restartEngine: () => restartEngine(),
      async openExternal({ url }) {
        if (openExternal === null)
          throw new SwitchboardError('invalid_request', 'the browser opens links itself', { param: 'url' })
        await openExternal(url)
      },
    },
    changes: { watch: (_nothing, signal) => watchChanges(storage.onChange, signal) },
    conversations: {
      list: (query) => conversations.list(query),
      get: ({ id }) => conversations.get(id),
      async create({ assistantId, model = null }) {
        const wanted = assistantId === undefined ? settings.current.defaultAssistantId : assistantId
        const all = await assistants.list()
        const isThere = all.some(({ id }) => id === wanted)
        // A default that was removed falls back to the built-in assistant; one that was named has to exist.
        if (wanted !== null && !isThere && assistantId !== undefined) await assistants.get(wanted)
        const fallback = all.find(({ builtIn }) => builtIn)?.id ?? null
        return await conversations.create({
          assistantId: isThere || wanted === null ? wanted : fallback,
          model,
          systemPrompt: '',
          parameters: {},
        })
      },
      update: ({ id, ...patch }) => conversations.update(id, patch),
      showBranch: ({ id, messageId }) => conversations.showBranch(id, messageId),
      async remove({ id }) {
        await conversations.remove(id)
        turns.stop(id)
      },
      restore: ({ id }) => conversations.restore(id),
    },
    chat: {
      send: (turn, signal) => turns.send(turn, signal),
      regenerate: (turn, signal) => turns.regenerate(turn, signal),
      continue: (turn, signal) => turns.continue(turn, signal),
      watch: (place, signal) => turns.watch(place, signal),
      stop: ({ conversationId }) => turns.stop(conversationId),
    },
    assistants: {
      list: () => assistants.list(),
      create: (values) => assistants.create(values),
      update: ({ id, ...patch }) => assistants.update(id, patch),
      async duplicate({ id, name }) {
        return await assistants.create({ ...valuesOf(await assistants.get(id)), name })
      },
      publish: ({ id }) => assistants.publish(id),
      unpublish: ({ id }) => assistants.unpublish(id),
      versions: ({ id }) => assistants.versions(id),
      takeBack: ({ id, version }) => assistants.takeBack(id, version),
      export: async ({ id }) => assistantFile(await assistants.get(id)),
      import: (file) => importAssistant(assistants, file),
      remove: ({ id }) => assistants.remove(id),
      restore: ({ id }) => assistants.restore(id),
    },
    models: {
      list: () => models.list(),
      unload: ({ key }) => engines.unload(key),
      use: ({ name, version }) => models.use(name, version),
    },
    jobs: {
      watch: (_nothing, signal) => watchLatest(() => jobs.list(), jobs.onChange, signal),
      cancel: ({ id }) => jobs.cancel(id),
      resume: ({ id }) => jobs.resume(id),
      dismiss: ({ id }) => jobs.dismiss(id),
    },
    keys: {
      list: () => keys.list(),
      create: ({ name, assistantId = null }) => keys.create(name, assistantId),
      bind: ({ id, assistantId }) => keys.bind(id, assistantId),
      revoke: ({ id }) => keys.revoke(id),
    },
    settings: {
      get: () => ({ settings: settings.current, defaults: settings.defaults }),
      update: (patch) => settings.update(patch),
    },
  }
}
