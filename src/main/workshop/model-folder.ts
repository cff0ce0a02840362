import { z } from 'zod'
import { plainFileName } from '../../shared/base/plain-file-name.ts'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import { openRegularFile, type FileSource } from '../platform/open-regular-file.ts'
import { Checkpoint } from './builder/checkpoint.ts'
import type { DecoderArchitecture } from './builder/decoder-architecture.ts'
import { readArchitecture } from './builder/families/registry.ts'

const MAX_CONFIG_BYTES = 1024 * 1024
const MAX_INDEX_BYTES = 16 * 1024 * 1024
const MAX_SHARDS = 512

const indexSchema = z.object({ weight_map: z.record(z.string(), z.string()) })

/** An open Hugging Face folder: config parsed, headers of all weight files checked, files held open until `close`. */
export interface ModelFolder {
  readonly architecture: DecoderArchitecture
  readonly checkpoint: Checkpoint
  /** config.json, the index if there is one, and the weight files. */
  readonly files: readonly FileSource[]
  close(): Promise<void>
}

/**
 * @throws SwitchboardError not_a_model_folder, model_corrupt, model_incompatible, model_unsupported,
 *   invalid_safetensors
 */
export async function openModelFolder(directory: string): Promise<ModelFolder> {
  const files: FileSource[] = []
  const close = async (): Promise<void> => {
    for (const file of files.splice(0)) await file.close()
  }
  try {
    const config = await openRequired(directory, 'config.json', files)
    const architecture = readArchitecture(await readText(config, MAX_CONFIG_BYTES))
    const { shards, placement } = await openWeights(directory, files)
    return { architecture, checkpoint: await Checkpoint.open(shards, placement), files: [...files], close }
  } catch (failure) {
    await close()
    throw failure
  }
}

/** The weight files: one, or the shards an index names. */
async function openWeights(
  directory: string,
  files: FileSource[],
): Promise<{ shards: readonly FileSource[]; placement?: ReadonlyMap<string, string> }> {
  const single = await openRegularFile(directory, 'model.safetensors')
  if (single !== null) {
    files.push(single)
    return { shards: [single] }
  }
  const index = await openRegularFile(directory, 'model.safetensors.index.json')
  if (index === null)
    throw new SwitchboardError(
      'not_a_model_folder',
      'neither model.safetensors nor model.safetensors.index.json is in the folder',
    )
  files.push(index)
  const parsed = indexSchema.safeParse(parseJson(index.name, await readText(index, MAX_INDEX_BYTES)))
  if (!parsed.success)
    throw new SwitchboardError('model_corrupt', `${index.name}: weight_map is missing or not a table of file names`, {
      details: { file: index.name },
    })
  const placement = new Map(Object.entries(parsed.data.weight_map))
  const names = [...new Set(placement.values())].sort()
  if (names.length === 0 || names.length > MAX_SHARDS)
    throw new SwitchboardError('model_corrupt', `${index.name} names ${names.length} files`, {
      details: { file: index.name },
    })
  const shards: FileSource[] = []
  for (const name of names) {
    if (plainFileName(name) === null || !name.endsWith('.safetensors')) {
      throw new SwitchboardError(
        'model_corrupt',
        `${index.name} names the file ${JSON.stringify(name.slice(0, 80))}, which is not a plain name ending in .safetensors`,
        { details: { file: index.name } },
      )
    }
    shards.push(await openRequired(directory, name, files))
  }
  return { shards, placement }
}

async function openRequired(directory: string, name: string, files: FileSource[]): Promise<FileSource> {
  const source = await openRegularFile(directory, name)
  if (source === null)
    throw new SwitchboardError('not_a_model_folder', `${name} is missing in the folder`, { details: { file: name } })
  files.push(source)
  return source
}

/**
 * The whole text of a small file.
 * @throws SwitchboardError model_corrupt when it is longer than `maxBytes` or not UTF-8.
 */
export async function readText(source: FileSource, maxBytes: number): Promise<string> {
  if (source.size > maxBytes)
    throw new SwitchboardError(
      'model_corrupt',
      `${source.name} has ${source.size} bytes, at most ${maxBytes} are read`,
      { details: { file: source.name } },
    )
  const bytes = new Uint8Array(source.size)
  await source.read(bytes, 0)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw new SwitchboardError('model_corrupt', `${source.name} is not valid UTF-8`, {
      cause,
      details: { file: source.name },
    })
  }
}

/** @throws SwitchboardError model_corrupt */
export function parseJson(name: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new SwitchboardError('model_corrupt', `${name} is not valid JSON`, { cause, details: { file: name } })
  }
}
