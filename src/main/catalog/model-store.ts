import { mkdir, readFile, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import { removeStagingLeftovers, stagingName } from '../platform/staging.ts'
import { looksUnchanged, readStamps, stampFile, writeStamps, type FileStamp } from './file-stamp.ts'
import { MANIFEST_FILE, parseManifest, type ModelManifest } from './manifest.ts'
import { isModelName, requireModelName } from './model-name.ts'
import type { LongTask } from '../platform/long-task.ts'

/** One model on disk. */
export interface StoredModel {
  readonly manifest: ModelManifest
  /** Folder of the Hugging Face files. */
  readonly sourceDirectory: string
}

/** File beside the manifest with the stamps of the model's files. */
export const STAMPS_FILE = 'stamps.json'

/** Imported models: `<models>/<name>/source/...` beside `manifest.json`. */
export class ModelStore {
  readonly directory: string
  /** Manifests by name, each with the stamp of its file: a request costs one stat. */
  readonly #manifests = new Map<string, { readonly stamp: string; readonly manifest: ModelManifest }>()

  constructor(directory: string) {
    this.directory = directory
  }

  /** Names in order; folders without a manifest are not models. */
  async names(): Promise<readonly string[]> {
    const entries = await readdir(this.directory, { withFileTypes: true }).catch((failure: NodeJS.ErrnoException) => {
      if (failure.code === 'ENOENT') return []
      throw failure
    })
    const names: string[] = []
    for (const entry of entries) {
      if (
        entry.isDirectory() &&
        isModelName(entry.name) &&
        (await stat(join(this.directory, entry.name, MANIFEST_FILE)).catch(() => null)) !== null
      )
        names.push(entry.name)
    }
    return names.sort()
  }

  /** @throws SwitchboardError model_corrupt. @returns null when there is no such model. */
  async read(name: string): Promise<StoredModel | null> {
    if (!isModelName(name)) return null
    const path = join(this.directory, name, MANIFEST_FILE)
    const sourceDirectory = join(this.directory, name, 'source')
    const found = await stat(path).catch(nullIfMissing)
    if (found === null) return null
    const stamp = `${found.ino} ${found.size} ${found.mtimeMs}`
    const known = this.#manifests.get(name)
    if (known?.stamp === stamp) return { manifest: known.manifest, sourceDirectory }
    const text = await readFile(path, 'utf8').catch(nullIfMissing)
    if (text === null) return null
    const manifest = parseManifest(name, text)
    this.#manifests.set(name, { stamp, manifest })
    return { manifest, sourceDirectory }
  }

  /** Whether a model of this name exists, ignoring case, as some file systems do. */
  async has(name: string): Promise<boolean> {
    const wanted = requireModelName(name).toLowerCase()
    return (await this.names()).some((existing) => existing.toLowerCase() === wanted)
  }

  /**
   * Compares the files with the manifest. Files that match their stamp are not read, so that a start does not hash
   * gigabytes.
   * @throws SwitchboardError model_corrupt with the name of the file.
   */
  async check({ manifest, sourceDirectory }: StoredModel, task: LongTask): Promise<void> {
    const stampsPath = join(this.directory, manifest.name, STAMPS_FILE)
    const known = await readStamps(stampsPath)
    const stamps: Record<string, FileStamp> = {}
    const total = manifest.files.reduce((sum, file) => sum + file.bytes, 0)
    let done = 0
    let hashed = false
    for (const { name, sha256 } of manifest.files) {
      const old = known[name]
      const unchanged = old?.sha256 === sha256 && (await looksUnchanged(join(sourceDirectory, name), old))
      const onBytes = (count: number): void => task.onProgress?.((done += count) / total, 'Checking the model files')
      const stamp = unchanged ? old : await stampFile(sourceDirectory, name, onBytes, task.signal)
      if (stamp === null)
        throw new SwitchboardError('model_corrupt', `${name} of model ${manifest.name} is missing`, {
          details: { model: manifest.name, file: name },
        })
      if (stamp.sha256 !== sha256) {
        throw new SwitchboardError(
          'model_corrupt',
          `${name} of model ${manifest.name} is damaged: its SHA-256 differs from the one recorded at import`,
          { details: { model: manifest.name, file: name } },
        )
      }
      hashed ||= !unchanged
      stamps[name] = stamp
    }
    if (hashed) await writeStamps(stampsPath, stamps)
  }

  /** Renames the folder first, so that a model is never visible in part. */
  async remove(name: string): Promise<void> {
    const aside = join(this.directory, stagingName(name))
    await rename(join(this.directory, requireModelName(name)), aside)
    await rm(aside, { recursive: true, force: true })
  }

  async tidy(): Promise<void> {
    await mkdir(this.directory, { recursive: true, mode: 0o700 })
    await removeStagingLeftovers(this.directory)
  }
}

function nullIfMissing(failure: NodeJS.ErrnoException): null {
  if (failure.code === 'ENOENT' || failure.code === 'ENOTDIR') return null
  throw failure
}
