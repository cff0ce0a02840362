import type { Precision } from '../../shared/domain/generation.ts'
import type { ModelSummary } from '../../shared/domain/model.ts'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import { diskFailure } from '../platform/disk-failure.ts'
import { BuiltInModel, DEMO_MODEL } from './built-in-model.ts'
import { GraphCache, type BuiltGraph } from './graph-cache.ts'
import { importModel } from './import-model.ts'
import { summarise } from './manifest.ts'
import { requireModelName } from './model-name.ts'
import { ModelStore, type StoredModel } from './model-store.ts'
import type { LongTask } from '../platform/long-task.ts'
import type { Workshop } from './workshop.ts'

export interface CatalogOptions {
  /** Folder of imported models. */
  readonly models: string
  /** Folder of built graphs; may be deleted while the program is closed. */
  readonly graphs: string
  /** Folder of the built-in model; it need not exist. */
  readonly demo: string
  readonly workshop: Workshop
  /**
   * Tries the text side of a folder that is imported. @throws SwitchboardError tokenizer_invalid, template_invalid,
   * model_corrupt.
   */
  readonly checkText?: (directory: string) => Promise<unknown>
  /** Milliseconds since the epoch. */
  readonly nowMs?: () => number
}

/** The models on disk: what is there, bringing one in, taking one out, and the graph an engine loads. */
export class Catalog {
  readonly #store: ModelStore
  readonly #demo: BuiltInModel
  readonly #graphs: GraphCache
  readonly #workshop: Workshop
  readonly #checkText: CatalogOptions['checkText']
  readonly #nowMs: () => number
  /** Names being imported in this process. */
  readonly #importing = new Set<string>()

  constructor(options: CatalogOptions) {
    this.#store = new ModelStore(options.models)
    this.#workshop = options.workshop
    this.#demo = new BuiltInModel(options.demo, options.graphs, options.workshop)
    this.#graphs = new GraphCache(options.graphs, options.workshop)
    this.#checkText = options.checkText
    this.#nowMs = options.nowMs ?? Date.now
  }

  /** Once at the start: removes what interrupted imports and builds left, and graphs of models that are gone. */
  async tidy(): Promise<void> {
    await this.#store.tidy()
    const keys = (await this.#readable()).map(({ manifest }) => GraphCache.key(manifest))
    await this.#graphs.tidy(new Set(keys))
  }

  /** All models that can be read, the built-in one first. A damaged one is left out here and named by {@link find}. */
  async list(): Promise<readonly ModelSummary[]> {
    return (await this.#readable()).map(({ manifest }) => summarise(manifest))
  }

  /** @throws SwitchboardError model_not_found, model_corrupt */
  async find(name: string): Promise<StoredModel> {
    const model = name === DEMO_MODEL ? await this.#demo.read() : await this.#store.read(name)
    if (model === null)
      throw new SwitchboardError('model_not_found', `there is no model named ${JSON.stringify(name.slice(0, 80))}`, {
        param: 'model',
      })
    return model
  }

  /**
   * Copies a Hugging Face folder into the store under `name`. Its graph is built on first use or by {@link
   * ensureGraph}.
   *
   * @throws SwitchboardError invalid_name, name_taken, not_a_model_folder, model_unsupported, model_incompatible,
   *   model_corrupt, invalid_safetensors, tokenizer_invalid, template_invalid, insufficient_disk_space, storage_full,
   * cancelled
   */
  async import(directory: string, name: string, precision: Precision, task: LongTask = {}): Promise<ModelSummary> {
    requireModelName(name)
    const folded = name.toLowerCase()
    const taken = (): SwitchboardError =>
      new SwitchboardError('name_taken', `a model named ${name} exists already`, { param: 'name' })
    if (folded === DEMO_MODEL || this.#importing.has(folded)) throw taken()
    this.#importing.add(folded)
    try {
      if (await this.#store.has(name)) throw taken()
      const { manifest } = await importModel(
        this.#store,
        this.#workshop,
        { directory, name, precision, checkText: this.#checkText },
        task,
        this.#nowMs,
      )
      return summarise(manifest)
    } finally {
      this.#importing.delete(folded)
    }
  }

  /** @throws SwitchboardError model_read_only, model_not_found, storage_failed */
  async remove(name: string): Promise<void> {
    if (name === DEMO_MODEL) throw new SwitchboardError('model_read_only', 'the demo model is part of the program')
    // one with a damaged manifest can be removed as well
    const model = await this.#store.read(name).catch(() => undefined)
    if (model === null) await this.find(name)
    try {
      await this.#store.remove(name)
      if (model === null || model === undefined) return
      const key = GraphCache.key(model.manifest)
      const shared = (await this.#readable()).some((other) => GraphCache.key(other.manifest) === key)
      if (!shared) await this.#graphs.remove(key)
    } catch (failure) {
      throw diskFailure(failure, 'removing the model')
    }
  }

  /**
   * The graph to load, built the first time or when the model's files changed; files that look unchanged are not read.
   * @throws SwitchboardError model_not_found, model_corrupt, cancelled, tool_crashed, storage_full, storage_failed and
   *   what building throws.
   */
  async ensureGraph(name: string, task: LongTask = {}): Promise<BuiltGraph> {
    const model = await this.find(name)
    try {
      if (!model.manifest.demo) await this.#store.check(model, task)
      return await this.#graphs.ensure(model.sourceDirectory, model.manifest, task)
    } catch (failure) {
      throw diskFailure(failure, 'preparing the model')
    }
  }

  /**
   * For a graph that was found damaged while its files look as they did: the next {@link ensureGraph} looks at every
   * byte.
   * @throws SwitchboardError model_not_found, model_corrupt, storage_failed
   */
  async distrustGraph(name: string): Promise<void> {
    const { manifest } = await this.find(name)
    try {
      await this.#graphs.distrust(GraphCache.key(manifest))
    } catch (failure) {
      throw diskFailure(failure, 'preparing the model')
    }
  }

  /** Every model whose record can be read, the built-in one first. */
  async #readable(): Promise<readonly StoredModel[]> {
    const models = await Promise.allSettled([
      this.#demo.read(),
      ...(await this.#store.names()).map((name) => this.#store.read(name)),
    ])
    return models.flatMap((model) => (model.status === 'fulfilled' && model.value !== null ? [model.value] : []))
  }
}
