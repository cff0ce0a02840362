import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { GRAPH_VERSION } from '../../shared/contracts/graph.ts'
import type { Precision } from '../../shared/domain/generation.ts'
import type { Tokenizer } from './tokenizer.ts'
import { readGenerationDefaults, type GenerationDefaults } from './generation-defaults.ts'

/** What this folder needs to know about a model on disk; the catalog's models are of this shape. */
export interface ModelOnDisk {
  readonly sourceDirectory: string
  readonly manifest: {
    readonly name: string
    readonly precision: Precision
    readonly files: readonly { readonly name: string; readonly sha256: string }[]
  }
}

export interface ModelSource {
  /** @throws SwitchboardError model_not_found, model_corrupt. */
  find(name: string): Promise<ModelOnDisk>
}

/** The text side of a model. */
export interface TextModel {
  readonly name: string
  readonly precision: Precision
  readonly tokenizer: Tokenizer
  readonly defaults: GenerationDefaults
  /** Ids that end a reply. */
  readonly stopIds: readonly number[]
  /** Changes with any file of the model, its precision, its adapter or the way graphs are built. */
  readonly systemFingerprint: string
}

/** Tokenizers take tens of megabytes for large vocabularies. */
const mostKept = 3

/** Loads the text side of models and keeps the last few; a model whose files changed is loaded afresh. */
export class TextModels {
  readonly #source: ModelSource
  readonly #kept = new Map<string, Promise<TextModel>>()

  constructor(source: ModelSource) {
    this.#source = source
  }

  /** @throws SwitchboardError model_not_found, model_corrupt, tokenizer_invalid, template_invalid. */
  async get(name: string): Promise<TextModel> {
    const model = await this.#source.find(name)
    const fingerprint = fingerprintOf(model, null)
    const key = `${model.manifest.name} ${fingerprint}`
    let loading = this.#kept.get(key)
    // Most recently used last.
    this.#kept.delete(key)
    loading ??= load(model, fingerprint)
    this.#kept.set(key, loading)
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= mostKept) break
      this.#kept.delete(oldest)
    }
    try {
      return await loading
    } catch (thrown) {
      if (this.#kept.get(key) === loading) this.#kept.delete(key)
      throw thrown
    }
  }
}

/** `fp_` and 12 hexadecimal digits. */
export function fingerprintOf({ manifest }: ModelOnDisk, adapter: string | null): string {
  const files = manifest.files.map(({ name, sha256 }) => `${name}:${sha256}`).sort()
  return `fp_${createHash('sha256')
    .update(JSON.stringify([files, manifest.precision, adapter, GRAPH_VERSION]))
    .digest('hex')
    .slice(0, 12)}`
}

async function load({ manifest, sourceDirectory }: ModelOnDisk, systemFingerprint: string): Promise<TextModel> {
  return {
    name: manifest.name,
    precision: manifest.precision,
    systemFingerprint,
    ...(await loadTextFiles(sourceDirectory)),
  }
}

/**
 * What the text side of a model folder holds; an import tries it, so that no model is taken in that cannot talk.
 * @throws SwitchboardError model_corrupt, tokenizer_invalid, template_invalid.
 */
export async function loadTextFiles(directory: string): Promise<Pick<TextModel, 'tokenizer' | 'defaults' | 'stopIds'>> {
  // Loaded when a model is first used: a short command that asks nothing does not pay for it.
  const { loadTokenizer } = await import('./tokenizer.ts')
  const tokenizer = loadTokenizer(directory)
  const text = await readFile(join(directory, 'generation_config.json'), 'utf8').catch((thrown: unknown) => {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return null
    throw thrown
  })
  const defaults = readGenerationDefaults(text)
  const stopIds = new Set(defaults.stopIds)
  if (tokenizer.endId !== null) stopIds.add(tokenizer.endId)
  return { tokenizer, defaults, stopIds: [...stopIds] }
}
