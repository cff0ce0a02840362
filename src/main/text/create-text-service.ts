import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import { fitPrompt } from './fit-prompt.ts'
import { readGenerationDefaults } from './generation-defaults.ts'
import { grammarOf } from './reply-grammar.ts'
import type { TextModel, TextService } from './text-service.ts'

/** Tokenizers of large vocabularies take tens of megabytes each. */
const MAX_MODELS = 3

export function createTextService(): TextService {
  /** By folder and content, the most recently used last. */
  const models = new Map<string, Promise<TextModel>>()
  return {
    async open(directory, contentHash) {
      const key = `${contentHash} ${directory}`
      const loading = models.get(key) ?? loadTextModel(directory)
      models.delete(key)
      models.set(key, loading)
      for (const oldest of models.keys()) {
        if (models.size <= MAX_MODELS) break
        models.delete(oldest)
      }
      try {
        return await loading
      } catch (thrown) {
        if (models.get(key) === loading) models.delete(key)
        throw thrown
      }
    },
    async check(directory) {
      await loadTextModel(directory)
    },
    async dispose() {
      models.clear()
    },
  }
}

/** @throws SwitchboardError model_corrupt, tokenizer_invalid, template_invalid. */
async function loadTextModel(directory: string): Promise<TextModel> {
  // Imported when a model is first used: a short command that asks nothing does not pay for it.
  const { loadTokenizer } = await import('./tokenizer.ts')
  const tokenizer = loadTokenizer(directory)
  const defaults = readGenerationDefaults(await readOptional(join(directory, 'generation_config.json')))
  const stopIds = new Set(defaults.stopIds)
  if (tokenizer.endId !== null) stopIds.add(tokenizer.endId)
  return {
    vocabularySize: tokenizer.vocabularySize,
    defaults,
    stopIds: [...stopIds],
    packedVocabulary: Buffer.from(tokenizer.packedBytes()).toString('base64'),
    async prompt(input, limits, signal) {
      refuseIfAborted(signal)
      return fitPrompt(tokenizer, input, limits)
    },
    async grammar(structure, signal) {
      refuseIfAborted(signal)
      return grammarOf(structure)
    },
    decoder: (options) => tokenizer.decoder(options),
    decode: (ids) => tokenizer.decode(ids),
    bytes: (id) => tokenizer.bytes(id),
  }
}

function refuseIfAborted(signal: AbortSignal): void {
  if (signal.aborted) throw new SwitchboardError('cancelled', 'The request was stopped.', { cause: signal.reason })
}

async function readOptional(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8')
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return null
    throw thrown
  }
}
