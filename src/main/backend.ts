import { join } from 'node:path'
import { DisposableStack, type Disposable } from '../shared/base/disposable.ts'
import type { EngineModel } from '../shared/contracts/engine.ts'
import type { EngineState } from '../shared/domain/engine.ts'
import type { DoctorReport } from '../shared/domain/status.ts'
import type { Target } from '../shared/domain/target.ts'
import { SwitchboardError } from '../shared/errors/switchboard-error.ts'
import { Catalog } from './catalog/catalog.ts'
import { createReplyService } from './answering/generate/local.ts'
import type { ReplyService } from './answering/answer.ts'
import { fingerprintOf, loadTextFiles, TextModels } from './text/text-models.ts'
import { createTurnService } from './console/turns.ts'
import { EnginePool } from './engine-client/engine-pool.ts'
import { EngineSupervisor } from './engine-client/engine-supervisor.ts'
import { ToolJobs } from './jobs/tool-jobs.ts'
import type { ProcessLauncher } from './platform/child-process.ts'
import type { Home } from './platform/home.ts'
import { openLog, type Log } from './platform/log.ts'
import { processEntry } from './platform/process-entry.ts'
import { repeatedTask } from './platform/repeated-task.ts'
import type { ProductFiles } from './platform/product-files.ts'
import type { SwitchboardServer } from './http/create-server.ts'
import type { ConsoleServices } from './http/ports.ts'
import { readBuiltInPresets } from './storage/built-in-presets.ts'
import { openStorage, type Storage } from './storage/storage.ts'
import type { StatusSources } from './telemetry/app-status.ts'

export interface CoreOptions {
  readonly home: Home
  readonly files: ProductFiles
  readonly host: 'electron' | 'headless'
  readonly launch: ProcessLauncher
}

/** Everything that answers questions, without a network: what one command needs, and what the backend serves. */
export interface Core extends Disposable {
  readonly log: Log
  readonly storage: Storage
  readonly catalog: Catalog
  readonly engines: EnginePool
  /** What a model name stands for now. @throws SwitchboardError model_not_found, model_corrupt. */
  readonly targetOf: (modelName: string) => Promise<Target>
  readonly texts: TextModels
  readonly replies: ReplyService
  /** Of the model that requests use by default. */
  readonly engineState: () => EngineState
  readonly examine: () => Promise<DoctorReport>
  dispose(): Promise<void>
}

export interface BackendOptions extends CoreOptions {
  /** Opens the console for whoever knows it; null serves no console over HTTP. */
  readonly consoleSecret: string | null
  readonly openExternal: ((url: string) => Promise<void>) | null
}

export interface Backend extends Disposable {
  readonly core: Core
  readonly server: SwitchboardServer
  /** The console's services, for the desktop's own door. */
  readonly services: ConsoleServices
  readonly status: StatusSources
  /** Settles when the default model answers. @throws SwitchboardError what loading it failed with. */
  readonly ready: Promise<void>
  /**
   * Refuses new work, lets running replies end for this long, then ends them. A second call with 0 hurries the first.
   */
  drain(timeoutMs: number): Promise<void>
  dispose(): Promise<void>
}

/** Prompt tokens that may wait, for each priority. */
const queueTokens = 262_144
/** Prompt tokens run beside the decodes of one step: short enough that nobody's reply stutters. */
const prefillChunk = 128
const foreignChangesMs = 500

/** Storage alone, for commands that touch nothing else. @throws SwitchboardError storage_*. */
export function openStorageAt(home: Home, files: ProductFiles): Storage {
  return openStorage({ path: home.database, builtInPresets: readBuiltInPresets(join(files.resources, 'presets')) })
}

/** The models on disk and the jobs that bring them in. Dispose it to end the jobs. */
export function openCatalog({ home, files, launch }: Pick<CoreOptions, 'home' | 'files' | 'launch'>): {
  readonly catalog: Catalog
  dispose(): Promise<void>
} {
  const jobs = new ToolJobs(launch)
  return {
    catalog: new Catalog({
      models: home.models,
      graphs: home.graphs,
      demo: join(files.resources, 'models', 'demo'),
      workshop: jobs,
      checkText: loadTextFiles,
    }),
    dispose: () => jobs.dispose(),
  }
}

/** @throws SwitchboardError storage_*. */
export function createCore(options: CoreOptions): Core {
  const { home, files, host, launch } = options
  const stack = new DisposableStack()
  const log = stack.add(openLog(home.logs))
  const storage = stack.add(openStorageAt(home, files))
  const { catalog, dispose: endJobs } = openCatalog(options)
  stack.defer(endJobs)

  const texts = new TextModels(catalog)
  const targetOf = async (modelName: string): Promise<Target> => {
    const model = await catalog.find(modelName)
    const { name, precision } = model.manifest
    const fingerprint = fingerprintOf(model, null)
    return {
      name: modelName,
      model: { name, version: 1, precision, contentHash: fingerprint },
      adapters: [],
      assistant: null,
      where: { kind: 'local' },
      fingerprint,
    }
  }
  const prepare = async (
    { model: { name, contentHash } }: Target,
    onProgress: (fraction: number) => void,
    signal: AbortSignal,
  ): Promise<EngineModel> => {
    const { graphDirectory } = await catalog.ensureGraph(name, { onProgress, signal })
    const { tokenizer, systemFingerprint } = await texts.get(name)
    if (systemFingerprint !== contentHash)
      throw new SwitchboardError('loading', `The files of ${name} were replaced just now.`, { retryAfterSeconds: 1 })
    const { providers, slots, contextLength, queueRequests } = storage.settings.get()
    return {
      name,
      graphDirectory,
      policy: providers,
      limits: { slots, contextLength, queueRequests, queueTokens, prefillChunk },
      threads: 0,
      vocabulary: Buffer.from(tokenizer.packedBytes()).toString('base64'),
    }
  }
  const entry = processEntry('engine')
  const engines = stack.add(
    new EnginePool({
      prepare,
      distrustGraph: async ({ model }, file) => {
        log.warn({ model: model.name, file }, 'a file of a built graph is damaged; it is built again')
        await catalog.distrustGraph(model.name)
      },
      supervise: (model) =>
        new EngineSupervisor({
          model,
          launch,
          entry,
          onCrash: ({ model: name, reason, output }) =>
            log.error({ model: name, reason, output }, 'the engine stopped'),
        }),
    }),
  )
  const states = new Map<string, EngineState>()
  stack.add(
    engines.onChange(({ model, state }) => {
      if (state.kind !== states.get(model)?.kind)
        log.info(
          {
            model,
            state: state.kind,
            ...(state.kind === 'failed' ? { code: state.error.code, reason: state.error.message } : {}),
            ...(state.kind === 'ready' && state.loaded.lowered !== null ? { lowered: state.loaded.lowered } : {}),
          },
          'engine',
        )
      states.set(model, state)
    }),
  )
  return {
    log,
    storage,
    catalog,
    engines,
    targetOf,
    texts,
    replies: createReplyService({
      models: texts,
      engines: { acquire: async (name, signal) => engines.acquire(await targetOf(name), signal) },
    }),
    engineState: () => states.get(storage.settings.get().defaultModel) ?? { kind: 'off' },
    async examine() {
      const { examine } = await import('./telemetry/doctor.ts')
      return examine({
        version: files.version,
        host,
        home: home.root,
        sqlite: storage.sqliteVersion,
        launch,
        engineEntry: entry,
      })
    },
    dispose: () => stack.dispose(),
  }
}

/** Builds everything in order; dispose gives it back in reverse. @throws SwitchboardError storage_*. */
export async function createBackend(options: BackendOptions): Promise<Backend> {
  const core = createCore(options)
  const stack = new DisposableStack()
  stack.add(core)
  try {
    const { storage, catalog, engines, replies, log } = core
    const recovered = storage.recover()
    log.info({ version: options.files.version, host: options.host, ...recovered }, 'started')
    // The model loads while the rest is built.
    const ready = catalog.tidy().then(() => warmUp(core))
    const settled = ready.catch((thrown: unknown) =>
      log.error({ error: thrown }, 'the default model could not be loaded'),
    )
    stack.defer(async () => {
      await engines.dispose()
      await settled
    })

    const turns = createTurnService({ conversations: storage.conversations, replies })
    stack.add(turns)
    // Another process (the command line) may have revoked keys or removed models.
    const lookForRevocations = repeatedTask(
      () => storage.keys.announceForeignRevocations(),
      (failure) => log.error({ error: failure }, 'keys that another process revoked could not be looked for'),
    )
    const unloadModels = repeatedTask(
      () => unloadRemoved(core),
      (failure) => log.error({ error: failure }, 'a removed model could not be unloaded'),
    )
    const watch = setInterval(() => {
      void lookForRevocations()
      void unloadModels()
    }, foreignChangesMs).unref()
    stack.defer(() => clearInterval(watch))

    // The page's schemas and the HTTP framework take longest to load: not for commands that need neither.
    const [{ createServer }, { createConsoleServices }] = await Promise.all([
      import('./http/create-server.ts'),
      import('./console/console-services.ts'),
    ])
    const status: StatusSources = {
      engineState: core.engineState,
      onEngineChange: engines.onChange,
      endpointUrl: () => (server.url === null ? null : `${server.url}/v1`),
      // Replies through either door.
      requests: () => ({
        total: server.counts.total + turns.counts.total,
        active: server.counts.active + turns.counts.active,
      }),
    }
    const services = createConsoleServices({
      info: { version: options.files.version, host: options.host, home: options.home.root },
      storage,
      turns,
      status,
      models: catalog,
      examine: core.examine,
      // Other models load again with the new settings when they are asked for.
      async restartEngine() {
        const { defaultModel } = storage.settings.get()
        await Promise.all(
          engines
            .snapshot()
            .filter(({ model }) => model !== defaultModel)
            .map(({ key }) => engines.unload(key)),
        )
        await engines.restart(await core.targetOf(defaultModel))
      },
      openExternal: options.openExternal,
    })
    const { renderer } = options.files
    const server: SwitchboardServer = await createServer({
      replies,
      log,
      keys: storage.keys,
      models: catalog,
      engine: {
        get state() {
          return core.engineState()
        },
      },
      defaultModel: () => storage.settings.get().defaultModel,
      capacity: () => {
        const { slots, queueRequests } = storage.settings.get()
        return slots + queueRequests
      },
      console:
        options.consoleSecret === null || renderer === null
          ? null
          : { services, secret: options.consoleSecret, directory: renderer },
      version: options.files.version,
    })
    stack.defer(() => server.close(0))
    return {
      core,
      server,
      services,
      status,
      ready,
      async drain(timeoutMs) {
        const late = setTimeout(() => {
          try {
            turns.dispose()
          } catch (thrown) {
            log.error({ error: thrown }, 'the end of replies could not be stored')
          }
        }, timeoutMs)
        await server.close(timeoutMs, turns.drain()).finally(() => clearTimeout(late))
      },
      dispose: () => stack.dispose(),
    }
  } catch (thrown) {
    await stack.dispose()
    throw thrown
  }
}

/** Gives back the memory of models that are no longer on the disk; their running replies end first. */
async function unloadRemoved({ engines, catalog, log }: Core): Promise<void> {
  for (const { model, key } of engines.snapshot()) {
    const gone = await catalog.find(model).then(
      () => false,
      (thrown: unknown) => thrown instanceof SwitchboardError && thrown.code === 'model_not_found',
    )
    if (!gone) continue
    log.info({ model }, 'removed; its engine ends')
    await engines.unload(key)
  }
}

/** Loads the default model, engine and text side, so that the first question is answered at once. */
async function warmUp({ engines, targetOf, texts, storage }: Core): Promise<void> {
  const { defaultModel } = storage.settings.get()
  const engine = targetOf(defaultModel)
    .then((target) => engines.acquire(target, new AbortController().signal))
    .then((lease) => lease.release())
  await Promise.all([engine, texts.get(defaultModel)])
}
