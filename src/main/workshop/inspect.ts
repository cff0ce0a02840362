import { readdir } from 'node:fs/promises'
import { z } from 'zod'
import { plainFileName } from '../../shared/base/plain-file-name.ts'
import type { InspectedModel } from '../../shared/contracts/jobs.ts'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import { makeDecoder } from './builder/decoder.ts'
import { openModelFolder, parseJson, readText } from './model-folder.ts'
import { openRegularFile } from '../platform/open-regular-file.ts'

const MAX_TOKENIZER_BYTES = 64 * 1024 * 1024
const MAX_SMALL_BYTES = 4 * 1024 * 1024

/** Files beside the weights. */
const companions = [
  'tokenizer.json',
  'tokenizer_config.json',
  'generation_config.json',
  'special_tokens_map.json',
  'chat_template.jinja',
] as const
const required: ReadonlySet<string> = new Set(['tokenizer.json', 'tokenizer_config.json'])
const licence = /^(licen[cs]e|notice|copying)(\.(txt|md))?$/iu

/**
 * Checks a Hugging Face folder without trusting it: reads config, headers and tokenizer, plans the whole graph without
 * reading a weight, and lists the files that belong to the model. Writes nothing.
 *
 * @throws SwitchboardError not_a_model_folder, model_corrupt, model_incompatible, model_unsupported,
 *   invalid_safetensors, tokenizer_invalid
 */
export async function inspectModel(directory: string): Promise<InspectedModel> {
  const folder = await openModelFolder(directory)
  try {
    const { architecture, checkpoint } = folder
    makeDecoder(architecture, checkpoint)
    const files = folder.files.map(({ name, size }) => ({ name, bytes: size }))
    for (const name of companions) {
      const bytes = await inspectCompanion(directory, name, architecture.vocabularySize)
      if (bytes !== null) files.push({ name, bytes })
    }
    for (const name of await licenceFiles(directory)) {
      const bytes = await sizeOf(directory, name)
      if (bytes !== null) files.push({ name, bytes })
    }
    return {
      family: architecture.family,
      parameters: checkpoint.parameters,
      layers: architecture.layers,
      contextLength: architecture.maxPositions,
      vocabularySize: architecture.vocabularySize,
      files,
    }
  } finally {
    await folder.close()
  }
}

/** Checks a companion file. Returns its size; null when it is absent and optional. */
async function inspectCompanion(
  directory: string,
  name: (typeof companions)[number],
  vocabularySize: number,
): Promise<number | null> {
  const source = await openRegularFile(directory, name)
  if (source === null) {
    if (required.has(name))
      throw new SwitchboardError('not_a_model_folder', `${name} is missing in the folder`, { details: { file: name } })
    return null
  }
  try {
    const text = await readText(source, name === 'tokenizer.json' ? MAX_TOKENIZER_BYTES : MAX_SMALL_BYTES)
    if (name.endsWith('.json')) {
      const json = parseJson(name, text)
      if (name === 'tokenizer.json') checkVocabulary(json, vocabularySize)
    }
    return source.size
  } finally {
    await source.close()
  }
}

const tokenizerSchema = z.object({
  model: z.object({ vocab: z.unknown() }),
  added_tokens: z.array(z.object({ id: z.number().int().nonnegative(), content: z.string().min(1) })).default([]),
})

/** Refuses ids beyond the embedding, which would be read past its end. The tokenizer itself is checked when it is loaded. */
function checkVocabulary(json: unknown, vocabularySize: number): void {
  const parsed = tokenizerSchema.safeParse(json)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]
    throw new SwitchboardError(
      'tokenizer_invalid',
      `tokenizer.json: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not valid'}`,
      { details: { file: 'tokenizer.json' } },
    )
  }
  const { vocab } = parsed.data.model
  const ids = vocabularyIds(vocab)
  if (ids.length === 0)
    throw new SwitchboardError('tokenizer_invalid', 'tokenizer.json: model.vocab is empty', {
      details: { file: 'tokenizer.json' },
    })
  for (const id of [...ids, ...parsed.data.added_tokens.map((token) => token.id)]) {
    if (typeof id !== 'number' || !Number.isSafeInteger(id) || id < 0)
      throw new SwitchboardError(
        'tokenizer_invalid',
        'tokenizer.json: model.vocab has an id that is not a whole number',
        { details: { file: 'tokenizer.json' } },
      )
    if (id >= vocabularySize) {
      throw new SwitchboardError(
        'model_incompatible',
        `tokenizer.json has token id ${id}, config.json a vocabulary of ${vocabularySize}`,
        { details: { expected: vocabularySize - 1, found: id } },
      )
    }
  }
}

/** BPE and WordPiece map tokens to ids; Unigram lists its tokens, the index is the id. */
function vocabularyIds(vocab: unknown): readonly unknown[] {
  if (Array.isArray(vocab)) return vocab.map((_, id) => id)
  return typeof vocab === 'object' && vocab !== null ? Object.values(vocab) : []
}

async function licenceFiles(directory: string): Promise<readonly string[]> {
  const names = await readdir(directory)
  return names.filter((name) => licence.test(name) && plainFileName(name) !== null).sort()
}

async function sizeOf(directory: string, name: string): Promise<number | null> {
  const source = await openRegularFile(directory, name)
  if (source === null) return null
  await source.close()
  return source.size
}
