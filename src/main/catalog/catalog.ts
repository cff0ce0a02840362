import type { Precision } from '../../shared/domain/generation.ts'
import type { ModelSummary } from '../../shared/domain/model.ts'
import type { TargetModel } from '../../shared/domain/target.ts'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import { diskFailure } from '../platform/disk-failure.ts'
import type { ModelRepository, ModelRow } from '../storage/repositories.ts'
import { BuiltInModel, DEMO_MODEL } from './built-in-model.ts'
import { GraphCache, type BuiltGraph } from './graph-cache.ts'
import { importModel } from './import-model.ts'
import { contentHashOf, summarise, type ModelManifest } from './manifest.ts'
import { requireModelName } from './model-name.ts'
import { ModelStore, type StoredModel } from './model-store.ts'
import type { LongTask } from '../platform/long-task.ts'
import type { Workshop } from './workshop.ts'

export interface CatalogOptions {
  /** Folder of imported models. */
  readonly models: string
  /** Folder of built graphs; may be deleted while the program is not running. */
  readonly graphs: string
  /** Folder of the built-in model; it need not exist. */
  readonly demo: string
  /** Versions of each model, and which one is active. */
  readonly rows: ModelRepository
  readonly workshop: Workshop
  /**
   * Checks the tokenizer and the chat template of a folder being imported.
   * @throws SwitchboardError tokenizer_invalid, template_invalid, model_corrupt.
   */
  readonly checkText?: (directory: string) => Promise<unknown>
  /** Milliseconds since the epoch. */
  readonly nowMs?: () => number
}

/** The models of this home: listing, importing and removing them, and the graphs that engines load. */
export class Catalog {
  readonly #store: ModelStore
  readonly #demo: BuiltInModel
  readonly #graphs: GraphCache
  readonly #rows: ModelRepository
  readonly #workshop: Workshop
  readonly #checkText: CatalogOptions['checkText']
  readonly #nowMs: () => number
  /** Names being imported in this process. */
  readonly #importing = new Set<string>()
  /** Rows by name and content hash; dropped when any row changed. */
  #known = new Map<string, Promise<ModelRow>>()

  constructor(options: CatalogOptions) {
    this.#store = new ModelStore(options.models)
    this.#workshop = options.workshop
    this.#demo = new BuiltInModel(options.demo, options.graphs, options.workshop)
    this.#graphs = new GraphCache(options.graphs, options.workshop)
    this.#rows = options.rows
    this.#checkText = options.checkText
    this.#nowMs = options.nowMs ?? Date.now
  }

  /** Called once at the start: removes leftovers of interrupted imports and builds, and graphs of removed versions. */
  async tidy(): Promise<void> {
    await this.#store.tidy()
    const keys = await Promise.all((await this.#readable()).map((model) => this.#graphKeys(model)))
    await this.#graphs.tidy(new Set(keys.flat()))
  }

  /** Drops the cached rows, which may have changed here or in another process. */
  forgetRows(): void {
    this.#known = new Map()
  }

  /** All readable models, the built-in one first. {@link find} reports why a damaged one is missing. */
  async list(): Promise<readonly ModelSummary[]> {
    const models = await this.#readable()
    return await Promise.all(models.map(async ({ manifest }) => summarise(manifest, await this.#row(manifest))))
  }

  async has(name: string): Promise<boolean> {
    return (await this.#read(name).catch(() => undefined)) !== null
  }

  /** The active version of a model. @throws SwitchboardError model_not_found, model_corrupt */
  async find(name: string): Promise<TargetModel> {
    const { manifest } = await this.#stored(name)
    const { activeVersion, versions } = await this.#row(manifest)
    const active = versions.find(({ version }) => version === activeVersion)
    if (active === undefined)
      throw new SwitchboardError('model_corrupt', `version ${activeVersion} of model ${name} is not recorded`)
    const { version, precision, contentHash } = active
    return { name: manifest.name, version, precision, contentHash }
  }

  /**
   * Folder of the Hugging Face files of a version.
   * @throws SwitchboardError model_not_found, model_corrupt; loading when the files were replaced meanwhile.
   */
  async sourceOf(model: TargetModel): Promise<string> {
    return (await this.#sameFiles(model)).sourceDirectory
  }

  /**
   * Copies a Hugging Face folder into the store under `name`. Its graph is built on first use.
   *
   * @throws SwitchboardError invalid_name, name_taken, not_a_model_folder, model_unsupported, model_incompatible,
   *   model_corrupt, invalid_safetensors, tokenizer_invalid, template_invalid, insufficient_disk_space, storage_full,
   *   cancelled
   */
  async import(directory: string, name: string, precision: Precision, task: LongTask = {}): Promise<ModelSummary> {
    requireModelName(name)
    const folded = name.toLowerCase()
    const taken = (): SwitchboardError =>
      new SwitchboardError('name_taken', `a model named ${name} already exists`, { param: 'name' })
    if (folded === DEMO_MODEL || this.#importing.has(folded)) throw taken()
    this.#importing.add(folded)
    try {
      if (await this.#store.has(name)) throw taken()
      const request = { directory, name, precision, checkText: this.#checkText }
      const { manifest } = await importModel(this.#store, this.#workshop, request, task, this.#nowMs)
      // Drop the row of an earlier model of this name whose folder was deleted by hand.
      await this.#rows.remove(name)
      this.forgetRows()
      return summarise(manifest, await this.#row(manifest))
    } finally {
      this.#importing.delete(folded)
    }
  }

  /**
   * Imports a model and builds its graph, so that the first request need not wait. Both succeed or nothing is kept.
   * @throws SwitchboardError like {@link import} and {@link ensureGraph}.
   */
  async importWhole(directory: string, name: string, precision: Precision, task: LongTask = {}): Promise<ModelSummary> {
    const model = await this.import(directory, name, precision, task)
    try {
      await this.ensureGraph(await this.find(name), task)
      return model
    } catch (failure) {
      // Without a graph the model would occupy its name and disk space, and fail every request.
      await this.remove(name)
      throw failure
    }
  }

  /**
   * Adds a version with another precision, built from the same files, and builds its graph. For an existing version
   * only the graph is built.
   * @throws SwitchboardError model_not_found and the errors of {@link ensureGraph}; then nothing was added.
   */
  async addVersion(name: string, precision: Precision, task: LongTask = {}): Promise<ModelSummary> {
    const model = await this.#stored(name)
    await this.#row(model.manifest)
    await this.#ensure(model, precision, task)
    const contentHash = contentHashOf(model.manifest, precision)
    const row = await this.#rows.addVersion(model.manifest.name, { precision, contentHash })
    this.forgetRows()
    return summarise(model.manifest, row)
  }

  /** Makes a version the active one. @throws SwitchboardError model_not_found: no such model or version. */
  async use(name: string, version: number): Promise<ModelSummary> {
    const { manifest } = await this.#stored(name)
    await this.#row(manifest)
    const row = await this.#rows.use(manifest.name, version)
    this.forgetRows()
    return summarise(manifest, row)
  }

  /** @throws SwitchboardError model_read_only, model_not_found, storage_failed */
  async remove(name: string): Promise<void> {
    if (name === DEMO_MODEL)
      throw new SwitchboardError('model_read_only', 'the demo model is part of the program and cannot be removed')
    // A model with a damaged manifest can be removed as well.
    const model = await this.#store.read(name).catch(() => undefined)
    if (model === null) await this.#stored(name)
    try {
      const keys = model === null || model === undefined ? [] : await this.#graphKeys(model)
      await this.#store.remove(name)
      await this.#rows.remove(name)
      this.forgetRows()
      const others = await Promise.all((await this.#readable()).map((other) => this.#graphKeys(other)))
      const shared = new Set(others.flat())
      for (const key of keys) if (!shared.has(key)) await this.#graphs.remove(key)
    } catch (failure) {
      throw diskFailure(failure, 'removing the model')
    }
  }

  /** Whether the graph of a version was built; its files are not checked. */
  async hasGraph(model: TargetModel): Promise<boolean> {
    const { manifest } = await this.#sameFiles(model)
    return await this.#graphs.has(GraphCache.key({ ...manifest, precision: model.precision }))
  }

  /**
   * The graph to load, built on first use or when the model's files changed. Files that look unchanged are not read.
   * @throws SwitchboardError model_not_found, model_corrupt, loading, cancelled, tool_crashed, storage_full,
   *   storage_failed, and the errors of a build.
   */
  async ensureGraph(model: TargetModel, task: LongTask = {}): Promise<BuiltGraph> {
    return await this.#ensure(await this.#sameFiles(model), model.precision, task)
  }

  /**
   * Call this when a graph turns out to be damaged although its files look unchanged: the next {@link ensureGraph}
   * hashes them again.
   * @throws SwitchboardError model_not_found, model_corrupt, storage_failed
   */
  async distrustGraph(model: TargetModel): Promise<void> {
    const { manifest } = await this.#sameFiles(model)
    try {
      await this.#graphs.distrust(GraphCache.key({ ...manifest, precision: model.precision }))
    } catch (failure) {
      throw diskFailure(failure, 'preparing the model')
    }
  }

  async #ensure(model: StoredModel, precision: Precision, task: LongTask): Promise<BuiltGraph> {
    try {
      if (!model.manifest.demo) await this.#store.check(model, task)
      return await this.#graphs.ensure(model.sourceDirectory, { ...model.manifest, precision }, task)
    } catch (failure) {
      throw diskFailure(failure, 'preparing the model')
    }
  }

  async #read(name: string): Promise<StoredModel | null> {
    return name === DEMO_MODEL ? await this.#demo.read() : await this.#store.read(name)
  }

  async #stored(name: string): Promise<StoredModel> {
    const model = await this.#read(name)
    if (model === null)
      throw new SwitchboardError('model_not_found', `there is no model named ${JSON.stringify(name.slice(0, 80))}`, {
        param: 'model',
      })
    return model
  }

  async #sameFiles({ name, precision, contentHash }: TargetModel): Promise<StoredModel> {
    const model = await this.#stored(name)
    if (contentHashOf(model.manifest, precision) !== contentHash)
      throw new SwitchboardError('loading', `the files of ${name} were replaced just now`, { retryAfterSeconds: 1 })
    return model
  }

  /** The model's row, created if there is none, as for models imported before rows existed. */
  #row(manifest: ModelManifest): Promise<ModelRow> {
    const { name, precision } = manifest
    const contentHash = contentHashOf(manifest, precision)
    const key = `${name} ${contentHash}`
    let row = this.#known.get(key)
    if (row === undefined) {
      const known = this.#known
      row = this.#readRow(name, { precision, contentHash })
      known.set(key, row)
      row.catch(() => known.delete(key))
    }
    return row
  }

  async #readRow(
    name: string,
    first: { readonly precision: Precision; readonly contentHash: string },
  ): Promise<ModelRow> {
    const row = await this.#rows.find(name)
    const isOfTheseFiles = row?.versions.some(({ contentHash }) => contentHash === first.contentHash) === true
    if (row !== null && isOfTheseFiles) return row
    if (row !== null) await this.#rows.remove(name)
    return await this.#rows.addVersion(name, first)
  }

  async #graphKeys(model: StoredModel): Promise<readonly string[]> {
    const { versions } = await this.#row(model.manifest)
    return versions.map(({ precision }) => GraphCache.key({ ...model.manifest, precision }))
  }

  /** All models with a readable manifest, the built-in one first. */
  async #readable(): Promise<readonly StoredModel[]> {
    const models = await Promise.allSettled([
      this.#demo.read(),
      ...(await this.#store.names()).map((name) => this.#store.read(name)),
    ])
    return models.flatMap((model) => (model.status === 'fulfilled' && model.value !== null ? [model.value] : []))
  }
}
