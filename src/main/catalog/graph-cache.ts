import { createHash } from 'node:crypto'
import { mkdir, readFile, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import {
  filesOf,
  GRAPH_VERSION,
  graphDescriptionSchema,
  graphFiles,
  type GraphDescription,
} from '../../shared/contracts/graph.ts'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import { removeStagingLeftovers } from '../platform/staging.ts'
import { looksUnchanged, readStamps, stampFile, writeStamps, type FileStamp } from './file-stamp.ts'
import type { ModelManifest } from './manifest.ts'
import { SharedTasks } from './shared-task.ts'
import type { LongTask } from '../platform/long-task.ts'
import type { Workshop } from './workshop.ts'

export interface BuiltGraph {
  readonly graphDirectory: string
  readonly description: GraphDescription
}

/**
 * Cache of built graphs, each in a folder named by a hash of its inputs. A graph that is missing, damaged or made by
 * another builder version is rebuilt from the model's files.
 */
export class GraphCache {
  readonly #directory: string
  readonly #workshop: Workshop
  readonly #builds = new SharedTasks<BuiltGraph>()

  constructor(directory: string, workshop: Workshop) {
    this.#directory = directory
    this.#workshop = workshop
  }

  /** Folder name of a graph: a hash over the hashes of the model's files, the precision and the builder version. */
  static key(manifest: ModelManifest): string {
    return createHash('sha256')
      .update(
        JSON.stringify({ sources: sourceHashes(manifest), version: GRAPH_VERSION, precision: manifest.precision }),
      )
      .digest('hex')
  }

  /**
   * The graph of a model whose files were just checked; built on first use. Concurrent callers share one build.
   * @throws SwitchboardError the errors of a build; cancelled; model_corrupt when the files changed during the build.
   */
  async ensure(sourceDirectory: string, manifest: ModelManifest, task: LongTask): Promise<BuiltGraph> {
    const key = GraphCache.key(manifest)
    return this.#builds.join(
      key,
      async (shared) =>
        (await this.#find(key, manifest, shared.signal)) ?? (await this.#build(key, sourceDirectory, manifest, shared)),
      task,
    )
  }

  /**
   * Drops the stamps of a graph: before its next use the files are hashed, and the graph is rebuilt if one is damaged.
   */
  async distrust(key: string): Promise<void> {
    await rm(this.#stampsPath(key), { force: true })
  }

  async has(key: string): Promise<boolean> {
    return (await stat(join(this.#directory, key)).catch(() => null)) !== null
  }

  async remove(key: string): Promise<void> {
    await rm(join(this.#directory, key), { recursive: true, force: true })
    await rm(this.#stampsPath(key), { force: true })
  }

  /** Removes leftovers of interrupted builds, and graphs that no model uses. */
  async tidy(keysInUse: ReadonlySet<string>): Promise<void> {
    await removeStagingLeftovers(this.#directory)
    const names = await readdir(this.#directory).catch((failure: NodeJS.ErrnoException) => {
      if (failure.code === 'ENOENT') return []
      throw failure
    })
    for (const name of names) if (/^[0-9a-f]{64}$/u.test(name) && !keysInUse.has(name)) await this.remove(name)
  }

  async #build(key: string, source: string, manifest: ModelManifest, task: Required<LongTask>): Promise<BuiltGraph> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 })
    try {
      await this.#workshop.build({ source, target: join(this.#directory, key), precision: manifest.precision }, task)
    } catch (failure) {
      // Another process has built the same graph first.
      if (!(failure instanceof SwitchboardError && failure.code === 'name_taken')) throw failure
    }
    const built = await this.#find(key, manifest, task.signal)
    if (built !== null) return built
    throw new SwitchboardError(
      'model_corrupt',
      `the files of model ${manifest.name} are not those it was imported with`,
      { details: { model: manifest.name } },
    )
  }

  /** The cached graph if it is complete, undamaged and made from these sources; any other is removed. */
  async #find(key: string, manifest: ModelManifest, signal: AbortSignal): Promise<BuiltGraph | null> {
    const graphDirectory = join(this.#directory, key)
    if ((await stat(graphDirectory).catch(() => null)) === null) return null
    const description = await readDescription(join(graphDirectory, graphFiles.description))
    if (
      description !== null &&
      sameHashes(description.sources, sourceHashes(manifest)) &&
      (await this.#intact(key, graphDirectory, description, signal))
    ) {
      return { graphDirectory, description }
    }
    await this.remove(key)
    return null
  }

  async #intact(key: string, directory: string, description: GraphDescription, signal: AbortSignal): Promise<boolean> {
    const known = await readStamps(this.#stampsPath(key))
    const stamps: Record<string, FileStamp> = {}
    let hashed = false
    for (const name of filesOf(description)) {
      const old = known[name]
      const unchanged = old !== undefined && (await looksUnchanged(join(directory, name), old))
      const stamp = unchanged ? old : await stampFile(directory, name, undefined, signal)
      if (stamp === null || stamp.sha256 !== description.files[name]) return false
      hashed ||= !unchanged
      stamps[name] = stamp
    }
    if (hashed) await writeStamps(this.#stampsPath(key), stamps)
    return true
  }

  #stampsPath(key: string): string {
    return join(this.#directory, `${key}.stamps.json`)
  }
}

/** Hashes of the files a graph is built from: the configuration and the weights, not the tokenizer. */
function sourceHashes(manifest: ModelManifest): Readonly<Record<string, string>> {
  const used = manifest.files.filter(
    ({ name }) => name === 'config.json' || name === 'model.safetensors.index.json' || name.endsWith('.safetensors'),
  )
  return Object.fromEntries(
    used.toSorted((a, b) => (a.name < b.name ? -1 : 1)).map(({ name, sha256 }) => [name, sha256]),
  )
}

function sameHashes(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  const names = Object.keys(a)
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name])
}

async function readDescription(path: string): Promise<GraphDescription | null> {
  try {
    return graphDescriptionSchema.parse(JSON.parse(await readFile(path, 'utf8')))
  } catch {
    // Damaged or of another version: the graph is rebuilt.
    return null
  }
}
