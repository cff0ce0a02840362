import { access, mkdir, open, readdir, rename, rm, rmdir } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { diskFailure } from '../platform/disk-failure.ts'
import { hashFile } from '../platform/hash-file.ts'
import { stagingName } from '../platform/staging.ts'
import { syncFolder } from '../platform/sync-folder.ts'
import {
  GRAPH_VERSION,
  graphFiles,
  graphOutputs,
  type GraphDescription,
  type GraphFloats,
} from '../../shared/contracts/graph.ts'
import type { ToolJob } from '../../shared/contracts/jobs.ts'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import { makeDecoder } from './builder/decoder.ts'
import type { MatrixEncodings } from './builder/matrix-encoding.ts'
import { encodingsOf, floatsOf } from './encodings.ts'
import { openModelFolder, type ModelFolder } from './model-folder.ts'
import { tensorByteLength, type OnnxGraph } from './onnx/graph.ts'
import { inHalves } from './onnx/in-halves.ts'
import { writeModel } from './onnx/write-model.ts'

export type BuildJob = Extract<ToolJob, { kind: 'build' }>

/** Called with the fraction done, 0 to 1, and what is being done. */
export type Progress = (fraction: number, step: string) => void

/**
 * Builds the graph of a Hugging Face folder. The target appears as a whole, by renaming a finished and flushed folder
 * beside it, or not at all; it may exist beforehand only as an empty folder. `encodings` are those of the precision;
 * tests
 * hand in others.
 *
 * @throws SwitchboardError model_unsupported (among them fp16 of numbers beyond it), not_a_model_folder, model_corrupt,
 *   model_incompatible, invalid_safetensors,
 *   name_taken (the target holds something), storage_full, storage_failed.
 */
export async function buildGraph(
  job: BuildJob,
  progress: Progress,
  encodings: MatrixEncodings | null = encodingsOf(job.precision),
): Promise<GraphDescription> {
  await refuseUsedTarget(job.target)
  const folder = await openModelFolder(job.source)
  const staging = join(dirname(job.target), stagingName(basename(job.target)))
  try {
    const stored = floatsOf(job.precision)
    const graph = makeDecoder(folder.architecture, folder.checkpoint, encodings, stored)
    // Encoded matrices are rounded far more than float16 rounds: a card that is faster in it may compute in it.
    const floats: readonly GraphFloats[] = encodings === null ? [stored] : [stored, 'float16']
    await mkdir(staging, { mode: 0o700 })
    const description = await writeAll(folder, graph, { precision: job.precision, floats }, staging, progress)
    await place(staging, job.target)
    return description
  } catch (failure) {
    await rm(staging, { recursive: true, force: true })
    throw diskFailure(failure, 'writing the graph')
  } finally {
    await folder.close()
  }
}

/** Writes the model once for each kind of numbers in `floats`; those of `graph` come first. */
async function writeAll(
  folder: ModelFolder,
  graph: OnnxGraph,
  { precision, floats }: Pick<GraphDescription, 'precision' | 'floats'>,
  directory: string,
  progress: Progress,
): Promise<GraphDescription> {
  const readTotal = folder.files.reduce((sum, file) => sum + file.size, 0)
  const writeTotal = graph.initialisers.reduce(
    (sum, initialiser) =>
      initialiser.kind === 'external' ? sum + tensorByteLength(initialiser.type, initialiser.dimensions) : sum,
    0,
  )
  let done = 0
  const advance = (step: string) => (count: number) => {
    done += count
    progress(done / (readTotal + writeTotal), step)
  }
  const sources: Record<string, string> = {}
  const checked = advance('Checking the model files')
  for (const file of folder.files) sources[file.name] = await hashFile(file, ({ byteLength }) => checked(byteLength))
  const graphs = Object.fromEntries(
    floats.map((kind, index) => [graphFiles[kind], index === 0 ? graph : inHalves(graph, [graphOutputs.logits])]),
  )
  const written = await writeModel({ graphs, weights: graphFiles.weights }, directory, advance('Writing the graph'))
  const { architecture } = folder
  const description: GraphDescription = {
    version: GRAPH_VERSION,
    family: architecture.family,
    precision,
    floats,
    layers: architecture.layers,
    hiddenSize: architecture.hiddenSize,
    heads: architecture.heads,
    kvHeads: architecture.kvHeads,
    headDim: architecture.headDim,
    vocabularySize: architecture.vocabularySize,
    maxPositions: architecture.maxPositions,
    weightBytes: written.weightBytes,
    sources,
    files: written.files,
  }
  const file = await open(join(directory, graphFiles.description), 'wx', 0o600)
  try {
    await file.writeFile(`${JSON.stringify(description, null, 2)}\n`)
    await file.sync()
  } finally {
    await file.close()
  }
  return description
}

async function refuseUsedTarget(target: string): Promise<void> {
  const entries = await readdir(target).catch((failure: NodeJS.ErrnoException) => {
    if (failure.code === 'ENOENT') return []
    throw failure
  })
  if (entries.length > 0) throw new SwitchboardError('name_taken', `the target folder ${basename(target)} is not empty`)
}

/**
 * Renames the staged folder to the target, so that a power cut leaves all of it or nothing. Where the target exists
 * empty it is removed first, because Windows cannot rename onto it.
 */
async function place(staging: string, target: string): Promise<void> {
  await syncFolder(staging)
  try {
    await rmdir(target).catch((failure: NodeJS.ErrnoException) => {
      if (failure.code !== 'ENOENT') throw failure
    })
    await rename(staging, target)
  } catch (cause) {
    // somebody else finished the same target first
    if (await exists(target))
      throw new SwitchboardError('name_taken', `the target folder ${basename(target)} was filled meanwhile`, { cause })
    throw cause
  }
  await syncFolder(dirname(target))
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
