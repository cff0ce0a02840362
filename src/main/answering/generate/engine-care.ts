import type { Disposable } from '../../../shared/base/disposable.ts'
import { Emitter, type Listen } from '../../../shared/base/emitter.ts'
import type { EngineModel } from '../../../shared/contracts/engine.ts'
import type { EngineState } from '../../../shared/domain/engine.ts'
import type { AppStatus, ModelStatus } from '../../../shared/domain/status.ts'
import { engineKey, type Target, type TargetModel } from '../../../shared/domain/target.ts'
import type { Catalog } from '../../catalog/catalog.ts'
import type { Resolver } from '../../catalog/resolver.ts'
import type { SettingsRepository } from '../../storage/repositories.ts'
import type { TextModel, TextService } from '../../text/text-service.ts'

/** Prompt tokens that may wait, for each priority. */
const MAX_QUEUE_TOKENS = 262_144
/** Prompt tokens run beside the decodes of one step: short enough that no reply stutters. */
const PREFILL_CHUNK = 128

/** The engine pool, as far as it is used here. */
interface Engines {
  acquire(target: Target, signal: AbortSignal): Promise<{ release(): void }>
  snapshot(): readonly {
    readonly model: string
    readonly version: number
    readonly key: string
    readonly state: EngineState
  }[]
  unload(key: string): Promise<void>
  restart(target: Target): Promise<void>
  readonly onChange: Listen<{ readonly model: string; readonly key: string; readonly state: EngineState }>
}

export interface PreparationOptions {
  readonly catalog: Pick<Catalog, 'ensureGraph' | 'sourceOf' | 'hasGraph'>
  readonly texts: Pick<TextService, 'open'>
  readonly settings: Pick<SettingsRepository, 'current'>
  /** Builds the graph of a version as a job that every window sees. */
  readonly buildAsJob: (
    model: TargetModel,
    task: { readonly onProgress: (fraction: number) => void; readonly signal: AbortSignal },
  ) => Promise<void>
}

/** The text side of a model, by what the catalog calls it. */
export function openText(
  { catalog, texts }: Pick<PreparationOptions, 'catalog' | 'texts'>,
  model: TargetModel,
): Promise<TextModel> {
  return catalog.sourceOf(model).then((directory) => texts.open(directory, model.contentHash))
}

/** What an engine process loads for a target: its graph, built first where it is missing, and its vocabulary. */
export async function prepareEngine(
  options: PreparationOptions,
  { model }: Target,
  onProgress: (fraction: number) => void,
  signal: AbortSignal,
): Promise<EngineModel> {
  const { catalog, settings, buildAsJob } = options
  if (!(await catalog.hasGraph(model))) await buildAsJob(model, { onProgress, signal })
  const { graphDirectory } = await catalog.ensureGraph(model, { onProgress, signal })
  const { packedVocabulary } = await openText(options, model)
  const { providers, slots, contextLength, queueRequests } = settings.current
  return {
    name: model.name,
    graphDirectory,
    policy: providers,
    limits: { slots, contextLength, queueRequests, queueTokens: MAX_QUEUE_TOKENS, prefillChunk: PREFILL_CHUNK },
    threads: 0,
    vocabulary: packedVocabulary,
  }
}

export interface EngineCareOptions {
  readonly engines: Engines
  readonly catalog: Pick<Catalog, 'find' | 'has'>
  readonly resolver: Pick<Resolver, 'model' | 'defaultModel'>
  readonly settings: Pick<SettingsRepository, 'current'>
  /** The text side is loaded with the engine, so that the first question waits for neither. */
  readonly warmText: (model: TargetModel) => Promise<unknown>
}

/** Keeps the engines in line with the catalog and the settings, and says what they do. */
export class EngineCare implements Disposable {
  readonly #options: EngineCareOptions
  readonly #since = new Map<string, { readonly kind: EngineState['kind']; readonly at: number }>()
  readonly #changes = new Emitter<void>()
  readonly #listening: Disposable
  #default: Pick<AppStatus, 'defaultModel' | 'missingDefaultModel'>

  constructor(options: EngineCareOptions) {
    this.#options = options
    this.#default = { defaultModel: options.settings.current.defaultModel, missingDefaultModel: null }
    this.#listening = options.engines.onChange(({ key, state }) => {
      if (this.#since.get(key)?.kind !== state.kind) this.#since.set(key, { kind: state.kind, at: Date.now() })
      if (state.kind === 'off') this.#since.delete(key)
      this.#changes.emit()
    })
  }

  /** Any engine, or which model is the default, changed. */
  readonly onChange = this.#changes.on

  /** Loads the default model, engine and text side. @throws SwitchboardError what loading it failed with. */
  async warmUp(): Promise<void> {
    await this.refreshDefault()
    const { target } = await this.#options.resolver.model(this.#default.defaultModel)
    const { engines, warmText } = this.#options
    const engine = engines.acquire(target, new AbortController().signal).then((lease) => lease.release())
    await Promise.all([engine, warmText(target.model)])
  }

  /** Looks again which model is the default: settings, models or files changed. */
  async refreshDefault(): Promise<void> {
    const { resolver, settings } = this.#options
    const defaultModel = await resolver.defaultModel()
    const wanted = settings.current.defaultModel
    this.#default = { defaultModel, missingDefaultModel: wanted === defaultModel ? null : wanted }
    this.#changes.emit()
  }

  /** Starts the default model's engine afresh with the present settings; other models load when they are asked for. */
  async restart(): Promise<void> {
    const { engines, resolver } = this.#options
    await this.refreshDefault()
    const { target } = await resolver.model(this.#default.defaultModel)
    const others = engines.snapshot().filter(({ key }) => key !== engineKey(target))
    await Promise.all(others.map(({ key }) => engines.unload(key)))
    await engines.restart(target)
  }

  /** Gives back the memory of models that are no longer on the disk; their running replies end first. */
  async unloadRemoved(onUnload: (model: string) => void): Promise<void> {
    const { engines, catalog } = this.#options
    for (const { model, key } of engines.snapshot()) {
      if (await catalog.has(model)) continue
      onUnload(model)
      await engines.unload(key)
    }
  }

  /** See AppStatus. */
  status(): Pick<AppStatus, 'defaultModel' | 'missingDefaultModel'> & {
    readonly models: readonly Omit<ModelStatus, 'memoryBytes'>[]
  } {
    const loaded = this.#options.engines.snapshot().map(({ model, version, key, state }) => ({
      model,
      version,
      key,
      state,
      since: this.#since.get(key)?.at ?? 0,
    }))
    const { defaultModel } = this.#default
    const standard = loaded.find(({ model }) => model === defaultModel) ?? {
      model: defaultModel,
      version: 1,
      key: defaultModel,
      state: { kind: 'off' } as const,
      since: 0,
    }
    return { ...this.#default, models: [standard, ...loaded.filter((other) => other !== standard)] }
  }

  /** Of the default model; `off` where it is not loaded. */
  get standard(): EngineState {
    return this.status().models[0]?.state ?? { kind: 'off' }
  }

  dispose(): void {
    void this.#listening.dispose()
  }
}

/** One line for the log where an engine enters another kind of state; null where it does not. */
export function stateChange(
  before: EngineState | undefined,
  model: string,
  state: EngineState,
): Readonly<Record<string, unknown>> | null {
  if (state.kind === before?.kind) return null
  return {
    model,
    state: state.kind,
    ...(state.kind === 'failed' ? { code: state.error.code, reason: state.error.message } : {}),
    ...(state.kind === 'ready' && state.loaded.lowered !== null ? { lowered: state.loaded.lowered } : {}),
  }
}
