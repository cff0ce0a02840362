import { mkdir, rename, rm, stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import type { InspectedModel } from '../../shared/contracts/jobs.ts'
import type { Precision } from '../../shared/domain/generation.ts'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import { diskFailure } from '../platform/disk-failure.ts'
import { stagingName } from '../platform/staging.ts'
import { syncFolder } from '../platform/sync-folder.ts'
import { copyModelFile } from './copy-model-file.ts'
import { cancelled, throwIfCancelled } from '../../shared/errors/cancelled.ts'
import { writeStamps, type FileStamp, type FileStamps } from './file-stamp.ts'
import { MANIFEST_FILE, type ModelManifest } from './manifest.ts'
import { STAMPS_FILE, type ModelStore, type StoredModel } from './model-store.ts'
import type { LongTask } from '../platform/long-task.ts'
import { writeWhole } from '../platform/write-whole.ts'
import type { Workshop } from './workshop.ts'

/** Required free space, as a multiple of the bytes to be written. */
const SPACE_FACTOR = 1.1
const BYTES_PER_PARAMETER: Readonly<Record<Precision, number>> = { fp32: 4, fp16: 2, int8: 1.125, int4: 0.7 }

export interface ImportRequest {
  readonly directory: string
  /** A valid name that is not taken. */
  readonly name: string
  readonly precision: Precision
  /** Throws when the tokenizer or the chat template of the folder cannot be used. */
  readonly checkText?: ((directory: string) => Promise<unknown>) | undefined
}

/**
 * Copies a Hugging Face folder into the store. The folder is inspected, copied under a staging name and the copy
 * inspected again. The model appears as a whole or not at all.
 *
 * @throws SwitchboardError the errors of an inspection; insufficient_disk_space, storage_full, name_taken, cancelled.
 */
export async function importModel(
  store: ModelStore,
  workshop: Workshop,
  request: ImportRequest,
  task: LongTask,
  nowMs: () => number,
): Promise<StoredModel> {
  const { directory, name, precision, checkText } = request
  const { signal } = task
  task.onProgress?.(0, 'Checking the model files')
  await requireFolder(directory)
  const inspected = await workshop.inspect(directory, signal === undefined ? {} : { signal })
  await mkdir(store.directory, { recursive: true, mode: 0o700 })
  await requireSpace(store.directory, inspected, precision)
  const staging = join(store.directory, stagingName(name))
  const source = join(staging, 'source')
  try {
    await mkdir(source, { recursive: true, mode: 0o700 })
    const stamps = await copyAll(directory, source, inspected, task)
    const files = Object.entries(stamps).map(([file, { bytes, sha256 }]) => ({ name: file, bytes, sha256 }))
    const copied = await workshop.inspect(source, signal === undefined ? {} : { signal })
    await checkText?.(source)
    const manifest = makeManifest(name, precision, copied, files, nowMs())
    await writeWhole(join(staging, MANIFEST_FILE), `${JSON.stringify(manifest, null, 2)}\n`, 0o400)
    await writeStamps(join(staging, STAMPS_FILE), stamps)
    for (const folder of [source, staging]) await syncFolder(folder)
    throwIfCancelled(signal)
    await rename(staging, join(store.directory, name))
    // Makes the rename survive a power cut.
    await syncFolder(store.directory)
    return { manifest, sourceDirectory: join(store.directory, name, 'source') }
  } catch (failure) {
    await rm(staging, { recursive: true, force: true })
    throw signal?.aborted === true ? cancelled(failure) : translate(failure, name)
  }
}

/** Checked first, because a mistyped path is the most common mistake. */
async function requireFolder(directory: string): Promise<void> {
  const found = await stat(directory).catch((failure: NodeJS.ErrnoException) => failure)
  const wrong =
    found instanceof Error
      ? `${directory} ${found.code === 'ENOENT' ? 'does not exist' : `cannot be opened (${found.code ?? found.message})`}`
      : found.isDirectory()
        ? null
        : `${directory} is a file; give the folder that contains it`
  if (wrong !== null) throw new SwitchboardError('not_a_model_folder', wrong, { param: 'directory' })
}

async function copyAll(from: string, to: string, inspected: InspectedModel, task: LongTask): Promise<FileStamps> {
  const total = inspected.files.reduce((sum, file) => sum + file.bytes, 0)
  let done = 0
  const stamps: Record<string, FileStamp> = {}
  for (const file of inspected.files) {
    stamps[file.name] = await copyModelFile(
      from,
      to,
      file,
      (count) => task.onProgress?.((done += count) / total, `Copying ${file.name}`),
      task.signal,
    )
  }
  return stamps
}

function makeManifest(
  name: string,
  precision: Precision,
  inspected: InspectedModel,
  files: ModelManifest['files'],
  createdAt: number,
): ModelManifest {
  const { family, parameters, layers, contextLength, vocabularySize } = inspected
  return {
    version: 1,
    name,
    family,
    precision,
    parameters,
    layers,
    contextLength,
    vocabularySize,
    createdAt,
    demo: false,
    licence: licenceAmong(files),
    files,
  }
}

/** The licence text among a model's files. */
export function licenceAmong(files: readonly { readonly name: string }[]): string | null {
  return files.find(({ name }) => /^(licen[cs]e|notice|copying)/iu.test(name))?.name ?? null
}

/** Both the copy and the graph built from it must fit. */
async function requireSpace(directory: string, inspected: InspectedModel, precision: Precision): Promise<void> {
  const copied = inspected.files.reduce((sum, file) => sum + file.bytes, 0)
  const needed = Math.ceil(SPACE_FACTOR * (copied + inspected.parameters * BYTES_PER_PARAMETER[precision]))
  const { bavail, bsize } = await statfs(directory)
  const free = bavail * bsize
  if (free < needed)
    throw new SwitchboardError('insufficient_disk_space', `the model needs ${needed} bytes, ${free} are free`, {
      details: { neededBytes: needed, freeBytes: free },
    })
}

function translate(failure: unknown, name: string): unknown {
  const code = failure instanceof Error && 'code' in failure ? failure.code : undefined
  if (code === 'ENOTEMPTY' || code === 'EEXIST')
    return new SwitchboardError('name_taken', `a model named ${name} already exists`, { cause: failure })
  return diskFailure(failure, 'copying the model')
}
