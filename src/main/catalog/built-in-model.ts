import { mkdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { StoredModel } from './model-store.ts'
import { looksUnchanged, readStamps, stampFile, writeStamps, type FileStamp } from './file-stamp.ts'
import { licenceAmong } from './import-model.ts'
import { parseManifest, type ModelManifest } from './manifest.ts'
import type { LongTask } from '../platform/long-task.ts'
import { writeWhole } from '../platform/write-whole.ts'
import type { Workshop } from './workshop.ts'

/** Name of the model shipped with the program. */
export const DEMO_MODEL = 'demo'

/**
 * The model in the program's resources: read-only and without a manifest. The result of an inspection is cached and
 * used while the files look unchanged. They are checked once per run of the program.
 */
export class BuiltInModel {
  readonly #directory: string
  readonly #cache: string
  readonly #workshop: Workshop
  #reading: Promise<StoredModel | null> | undefined

  constructor(directory: string, cacheDirectory: string, workshop: Workshop) {
    this.#directory = directory
    this.#cache = cacheDirectory
    this.#workshop = workshop
  }

  /** The model; null when the program was built without it. @throws SwitchboardError the errors of an inspection. */
  async read(): Promise<StoredModel | null> {
    // Concurrent callers during the start share one read. A failure is not cached.
    this.#reading ??= this.#read().catch((thrown: unknown) => {
      this.#reading = undefined
      throw thrown
    })
    return this.#reading
  }

  async #read(): Promise<StoredModel | null> {
    if ((await stat(join(this.#directory, 'config.json')).catch(() => null)) === null) return null
    const manifest = (await this.#cached()) ?? (await this.#inspect({}))
    return { manifest, sourceDirectory: this.#directory }
  }

  async #cached(): Promise<ModelManifest | null> {
    const stamps = await readStamps(this.#stampsPath)
    const text = await readFile(this.#manifestPath, 'utf8').catch(() => null)
    if (text === null) return null
    try {
      const manifest = parseManifest(DEMO_MODEL, text)
      for (const { name, sha256 } of manifest.files) {
        const stamp = stamps[name]
        if (stamp?.sha256 !== sha256 || !(await looksUnchanged(join(this.#directory, name), stamp))) return null
      }
      return manifest
    } catch {
      // A damaged cache entry is replaced by a new inspection.
      return null
    }
  }

  async #inspect(task: LongTask): Promise<ModelManifest> {
    const { family, parameters, layers, contextLength, vocabularySize, files } = await this.#workshop.inspect(
      this.#directory,
      task,
    )
    const stamps: Record<string, FileStamp> = {}
    for (const { name } of files) {
      const stamp = await stampFile(this.#directory, name)
      if (stamp !== null) stamps[name] = stamp
    }
    const { mtimeMs } = await stat(join(this.#directory, 'config.json'))
    const manifest: ModelManifest = {
      version: 1,
      name: DEMO_MODEL,
      family,
      precision: 'fp32',
      parameters,
      layers,
      contextLength,
      vocabularySize,
      createdAt: Math.round(mtimeMs),
      demo: true,
      licence: licenceAmong(files),
      files: Object.entries(stamps).map(([name, { bytes, sha256 }]) => ({ name, bytes, sha256 })),
    }
    await mkdir(this.#cache, { recursive: true, mode: 0o700 })
    await writeWhole(this.#manifestPath, `${JSON.stringify(manifest, null, 2)}\n`)
    await writeStamps(this.#stampsPath, stamps)
    return manifest
  }

  get #manifestPath(): string {
    return join(this.#cache, `${DEMO_MODEL}.manifest.json`)
  }

  get #stampsPath(): string {
    return join(this.#cache, `${DEMO_MODEL}.manifest.stamps.json`)
  }
}
