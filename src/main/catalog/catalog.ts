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
  /** Folder of built graphs; may be deleted while the program is closed. */
  readonly graphs: string
  /** Folder of the built-in model; it need not exist. */
  readonly demo: string
  /** Which versions there are and which one answers. */
  readonly rows: ModelRepository
  readonly workshop: Workshop
  /**
   * Tries the text side of a folder that is imported.
   * @throws SwitchboardError tokenizer_invalid, template_invalid, model_corrupt.
   */
  readonly checkText?: (directory: string) => Promise<unknown>
  /** Milliseconds since the epoch. */
  readonly nowMs?: () => number
}

/** The models of this home: what is there, bringing one in, taking one out, and the graph an engine loads. */
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
  /** Rows as last read, by name; dropped when any row changed. */
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

  /** Once at the start: removes what interrupted imports and builds left, and graphs of versions that are gone. */
  async tidy(): Promise<void> {
    await this.#store.tidy()
    const keys = await Promise.all((await this.#readable()).map((model) => this.#graphKeys(model)))
    await this.#graphs.tidy(new Set(keys.flat()))
  }

  /** The rows may have changed, here or in another process: they are read again. */
  forgetRows(): void {
    this.#known = new Map()
  }

  /** All models that can be read, the built-in one first. A damaged one is left out here and named by {@link find}. */
  async list(): Promise<readonly ModelSummary[]> {
    const models = await this.#readable()
    return await Promise.all(models.map(async ({ manifest }) => summarise(manifest, await this.#row(manifest))))
  }

  async has(name: string): Promise<boolean> {
    return (await this.#read(name).catch(() => undefined)) !== null
  }

  /** The version of a model that answers. @throws SwitchboardError model_not_found, model_corrupt */
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
   * @throws SwitchboardError model_not_found, model_corrupt; loading when the files were replaced since it was resolved.
   */
  async sourceOf(model: TargetModel): Promise<string> {
    return (await this.#sameFiles(model)).sourceDirectory
  }

  /**
   * Copies a Hugging Face folder into the store under `name`. Its graph is built on first use or by {@link ensureGraph}.
   *
   * @throws SwitchboardError invalid_name, name_taken, not_a_model_folder, model_unsupported, model_incompatible,
   *   model_corrupt, invalid_safetensors, tokenizer_invalid, template_invalid, insufficient_disk_space, storage_full,
   *   cancelled
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
      const request = { directory, name, precision, checkText: this.#checkText }
      const { manifest } = await importModel(this.#store, this.#workshop, request, task, this.#nowMs)
      // A row of an earlier model of this name, removed by hand, says nothing about this one.
      await this.#rows.remove(name)
      this.forgetRows()
      return summarise(manifest, await this.#row(manifest))
    } finally {
      this.#importing.delete(folded)
    }
  }

  /**
   * Imports a model and builds its graph, so that its first question waits for nothing; all of it or nothing.
   * @throws SwitchboardError like {@link import} and {@link ensureGraph}.
   */
  async importWhole(directory: string, name: string, precision: Precision, task: LongTask = {}): Promise<ModelSummary> {
    const model = await this.import(directory, name, precision, task)
    try {
      await this.ensureGraph(await this.find(name), task)
      return model
    } catch (failure) {
      // Left there, it would take its room and its name, and fail every request.
      await this.remove(name)
      throw failure
    }
  }

  /**
   * Adds a version of another precision, built from the same files, and its graph. One that exists is only built.
   * @throws SwitchboardError model_not_found and what {@link ensureGraph} throws; then nothing was added.
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

  /** @throws SwitchboardError model_not_found where the model or the version does not exist. */
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
    // One with a damaged manifest can be removed as well.
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

  /** Whether the graph of a version was built; its files are not looked at. */
  async hasGraph(model: TargetModel): Promise<boolean> {
    const { manifest } = await this.#sameFiles(model)
    return await this.#graphs.has(GraphCache.key({ ...manifest, precision: model.precision }))
  }

  /**
   * The graph to load, built the first time or when the model's files changed; files that look unchanged are not read.
   * @throws SwitchboardError model_not_found, model_corrupt, loading, cancelled, tool_crashed, storage_full,
   *   storage_failed and what building throws.
   */
  async ensureGraph(model: TargetModel, task: LongTask = {}): Promise<BuiltGraph> {
    return await this.#ensure(await this.#sameFiles(model), model.precision, task)
  }

  /**
   * For a graph that was found damaged while its files look as they did: the next {@link ensureGraph} reads every byte.
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

  /** The model's row; a model that came before there were rows gets one. */
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

  /** Every model whose record can be read, the built-in one first. */
  async #readable(): Promise<readonly StoredModel[]> {
    const models = await Promise.allSettled([
      this.#demo.read(),
      ...(await this.#store.names()).map((name) => this.#store.read(name)),
    ])
    return models.flatMap((model) => (model.status === 'fulfilled' && model.value !== null ? [model.value] : []))
  }
}
