import { join } from 'node:path'
import { DisposableStack, type Disposable } from '../shared/base/disposable.ts'
import type { EngineState } from '../shared/domain/engine.ts'
import type { JobInput } from '../shared/domain/job.ts'
import type { DoctorReport } from '../shared/domain/status.ts'
import type { TargetModel } from '../shared/domain/target.ts'
import { accept } from './answering/accept.ts'
import { pipeline, type Answerer } from './answering/answer.ts'
import { EngineCare, openText, prepareEngine, stateChange } from './answering/generate/engine-care.ts'
import { createLocalGeneration } from './answering/generate/local.ts'
import { instruct } from './answering/instruct.ts'
import { Catalog } from './catalog/catalog.ts'
import { Resolver } from './catalog/resolver.ts'
import type { ConsoleHandlers } from './console/console-handlers.ts'
import { createTurnService } from './console/turns.ts'
import { EnginePool } from './engine-client/engine-pool.ts'
import { EngineSupervisor } from './engine-client/engine-supervisor.ts'
import type { SwitchboardServer } from './http/create-server.ts'
import { JobService } from './jobs/job-service.ts'
import { ToolJobs } from './jobs/tool-jobs.ts'
import type { ProcessLauncher } from './platform/child-process.ts'
import type { Home } from './platform/home.ts'
import { openLog, type Log } from './platform/log.ts'
import { processEntry } from './platform/process-entry.ts'
import type { ProductFiles } from './platform/product-files.ts'
import { repeatedTask } from './platform/repeated-task.ts'
import { readBuiltInAssistants } from './storage/built-in-assistants.ts'
import { newId } from './storage/new-id.ts'
import { openStorage } from './storage/storage.ts'
import type { Storage } from './storage/repositories.ts'
import type { StatusSources } from './telemetry/app-status.ts'
import { createTextService } from './text/create-text-service.ts'

export interface CoreOptions {
  readonly home: Home
  readonly files: ProductFiles
  readonly host: 'electron' | 'headless'
  readonly launch: ProcessLauncher
}

/** What is stored, and the models: what commands that answer nothing need. */
export interface Stores extends Disposable {
  readonly storage: Storage
  readonly catalog: Catalog
  readonly resolver: Resolver
  /** Imports and builds, as rows that every window and command sees. */
  readonly jobs: JobService
  dispose(): Promise<void>
}

/** Everything that answers questions, without a network: what one command needs, and what the backend serves. */
export interface Core extends Stores {
  readonly log: Log
  readonly engines: EnginePool
  readonly care: EngineCare
  readonly answerer: Answerer
  readonly examine: () => Promise<DoctorReport>
}

export interface BackendOptions extends CoreOptions {
  /** Opens the console for those who know it; null serves no console over HTTP. */
  readonly consoleSecret: string | null
  readonly openExternal: ((url: string) => Promise<void>) | null
}

export interface Backend extends Disposable {
  readonly core: Core
  readonly server: SwitchboardServer
  /** What the window may call, for the desktop's own carrier. */
  readonly handlers: ConsoleHandlers
  readonly status: StatusSources
  /** Settles when the default model answers. @throws SwitchboardError what loading it failed with. */
  readonly ready: Promise<void>
  /** Refuses new work, lets running replies end for this long, then ends them. A second call with 0 hurries the first. */
  drain(timeoutMs: number): Promise<void>
  dispose(): Promise<void>
}

/** How often other processes' writes and removed models are looked for, ms. */
const FOREIGN_CHANGES_MS = 500
/** How often conversations that were deleted over 30 days ago are purged while the program runs, ms. */
const PURGE_MS = 6 * 60 * 60_000

/** Storage alone, for commands that touch nothing else. @throws SwitchboardError storage_*. */
export function openStorageAt(home: Home, files: ProductFiles, workers: boolean): Promise<Storage> {
  const builtInAssistants = readBuiltInAssistants(join(files.resources, 'assistants'))
  return openStorage({ path: home.database, builtInAssistants, workers })
}

/** @param workers false reads and writes in this thread: for short commands. @throws SwitchboardError storage_*. */
export async function openStores(
  { home, files, launch }: Pick<CoreOptions, 'home' | 'files' | 'launch'>,
  workers: boolean,
): Promise<Stores & { readonly texts: ReturnType<typeof createTextService> }> {
  const stack = new DisposableStack()
  const storage = stack.add(await openStorageAt(home, files, workers))
  const texts = stack.add(createTextService({ workerEntry: processEntry('text') }))
  const workshop = stack.add(new ToolJobs(launch))
  const catalog = new Catalog({
    models: home.models,
    graphs: home.graphs,
    demo: join(files.resources, 'models', 'demo'),
    rows: storage.models,
    workshop,
    checkText: (directory) => texts.check(directory),
  })
  const resolver = new Resolver({ catalog, assistants: storage.assistants, settings: storage.settings })
  const jobs = stack.add(
    new JobService({
      jobs: storage.jobs,
      owner: `${process.pid} ${newId()}`,
      run: (input, task) => runJob(catalog, input, task),
    }),
  )
  stack.add(
    storage.onChange(({ kind }) => {
      if (kind === 'models' || kind === 'everything') catalog.forgetRows()
      if (kind === 'assistants' || kind === 'everything') resolver.forgetAssistants()
      if (kind === 'jobs' || kind === 'everything') jobs.announce()
    }),
  )
  return { storage, texts, catalog, resolver, jobs, dispose: () => stack.dispose() }
}

async function runJob(
  catalog: Catalog,
  input: JobInput,
  task: Parameters<Catalog['import']>[3] & object,
): Promise<void> {
  switch (input.kind) {
    case 'import':
      await catalog.importWhole(input.directory, input.model, input.precision, task)
      return
    case 'build':
      await catalog.addVersion(input.model, input.precision, task)
  }
}

/** @throws SwitchboardError storage_*. */
export async function createCore(options: CoreOptions): Promise<Core> {
  const { home, files, host, launch } = options
  const stack = new DisposableStack()
  const log = stack.add(openLog(home.logs))
  const stores = stack.add(await openStores(options, true))
  const { storage, catalog, resolver, jobs, texts } = stores

  const preparation = {
    catalog,
    texts,
    settings: storage.settings,
    buildAsJob: async ({ name: model, precision }: TargetModel, task: object) => {
      const { id } = await jobs.complete({ kind: 'build', model, precision }, task)
      // Nobody asked for it, so nobody has to take it off the list.
      await jobs.dismiss(id)
    },
  }
  const entry = processEntry('engine')
  const engines = stack.add(
    new EnginePool({
      prepare: (target, onProgress, signal) => prepareEngine(preparation, target, onProgress, signal),
      distrustGraph: async ({ model }, file) => {
        log.warn({ model: model.name, file }, 'a file of a built graph is damaged; it is built again')
        await catalog.distrustGraph(model)
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
  const care = stack.add(
    new EngineCare({
      engines,
      catalog,
      resolver,
      settings: storage.settings,
      warmText: (model) => openText(preparation, model),
    }),
  )
  const states = new Map<string, EngineState>()
  stack.add(
    engines.onChange(({ model, key, state }) => {
      const change = stateChange(states.get(key), model, state)
      if (change !== null) log.info(change, 'engine')
      states.set(key, state)
    }),
  )
  const generation = createLocalGeneration({ engines, texts: { open: (model) => openText(preparation, model) } })
  return {
    log,
    storage,
    catalog,
    resolver,
    jobs,
    engines,
    care,
    answerer: pipeline([accept, instruct], generation),
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
  const stack = new DisposableStack()
  const core = stack.add(await createCore(options))
  try {
    const { storage, catalog, resolver, jobs, engines, care, answerer, log } = core
    const recovered = await storage.recover()
    log.info({ version: options.files.version, host: options.host, ...recovered }, 'started')
    for (const setting of storage.settings.unreadable)
      log.warn({ setting }, 'a stored setting cannot be read; its default applies until it is set again')
    // The model loads while the rest is built.
    const ready = catalog.tidy().then(() => care.warmUp())
    const settled = ready.catch((thrown: unknown) =>
      log.error({ error: thrown }, 'the default model could not be loaded'),
    )
    stack.defer(async () => {
      await engines.dispose()
      await settled
    })

    const turns = createTurnService({ conversations: storage.conversations, resolver, answerer, newId })
    stack.add(turns)
    stack.add(
      storage.onChange(({ kind }) => {
        if (kind === 'models' || kind === 'settings' || kind === 'everything')
          care
            .refreshDefault()
            .catch((error: unknown) => log.error({ error }, 'the default model could not be looked up'))
      }),
    )
    // Another process (the command line) may have revoked keys, removed models or changed assistants.
    const lookForChanges = repeatedTask(
      async () => {
        await storage.announceForeignChanges()
        await care.unloadRemoved((model) => log.info({ model }, 'removed; its engine ends'))
      },
      (error) => log.error({ error }, 'what other processes changed could not be looked up'),
    )
    const purge = repeatedTask(
      async () => void (await storage.purgeRemoved()),
      (error) => log.error({ error }, 'removed conversations could not be purged'),
    )
    const timers = [
      setInterval(() => void lookForChanges(), FOREIGN_CHANGES_MS),
      setInterval(() => void purge(), PURGE_MS),
    ]
    stack.defer(() => {
      for (const timer of timers) clearInterval(timer)
    })

    // The page's schemas and the HTTP framework take longest to load: not for commands that need neither.
    const [{ createServer }, { createConsoleHandlers }] = await Promise.all([
      import('./http/create-server.ts'),
      import('./console/console-handlers.ts'),
    ])
    const status: StatusSources = {
      models: () => care.status(),
      onEngineChange: care.onChange,
      endpointUrl: () => (server.url === null ? null : `${server.url}/v1`),
      // Replies through either door.
      requests: () => ({
        total: server.counts.total + turns.counts.total,
        active: server.counts.active + turns.counts.active,
      }),
    }
    const handlers = createConsoleHandlers({
      info: { version: options.files.version, host: options.host, home: options.home.root },
      storage,
      turns,
      status,
      models: catalog,
      engines,
      jobs,
      examine: core.examine,
      restartEngine: () => care.restart(),
      openExternal: options.openExternal,
    })
    const { renderer } = options.files
    const server: SwitchboardServer = await createServer({
      answerer,
      resolver,
      log,
      keys: storage.keys,
      models: catalog,
      engines: () => ({ standard: care.standard, all: engines.snapshot().map(({ state }) => state) }),
      capacity: () => storage.settings.current.slots + storage.settings.current.queueRequests,
      console:
        options.consoleSecret === null || renderer === null
          ? null
          : { handlers, secret: options.consoleSecret, directory: renderer },
      version: options.files.version,
    })
    stack.defer(() => server.close(0))
    return {
      core,
      server,
      handlers,
      status,
      ready,
      async drain(timeoutMs) {
        const end = (): void =>
          void turns.dispose().catch((error: unknown) => log.error({ error }, 'the end of replies could not be stored'))
        const late = setTimeout(end, timeoutMs)
        await server.close(timeoutMs, turns.drain()).finally(() => clearTimeout(late))
      },
      dispose: () => stack.dispose(),
    }
  } catch (thrown) {
    await stack.dispose()
    throw thrown
  }
}
