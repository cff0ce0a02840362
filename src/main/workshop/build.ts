import { access, mkdir, open, readdir, rename, rm, rmdir } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { diskFailure } from '../platform/disk-failure.ts'
import { hashFile } from '../platform/hash-file.ts'
import type { OnProgress } from '../platform/long-task.ts'
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
import { toFloat16Graph } from './onnx/float16-graph.ts'
import { tensorByteLength, type OnnxGraph } from './onnx/graph.ts'
import { writeModel } from './onnx/write-model.ts'

export type BuildJob = Extract<ToolJob, { kind: 'build' }>

/**
 * Builds the graph of a Hugging Face folder. The target appears as a whole, by renaming a finished and flushed folder
 * beside it, or not at all; it may exist beforehand only as an empty folder.
 *
 * @param encodings of the matrices; other than those of the precision only in tests.
 * @throws SwitchboardError not_a_model_folder, model_corrupt, model_incompatible, invalid_safetensors, model_unsupported
 *   (also for fp16 of weights beyond its range), name_taken (the target is not empty), storage_full, storage_failed.
 */
export async function buildGraph(
  job: BuildJob,
  progress: OnProgress,
  encodings: MatrixEncodings | null = encodingsOf(job.precision),
): Promise<GraphDescription> {
  await refuseUsedTarget(job.target)
  const folder = await openModelFolder(job.source)
  const staging = join(dirname(job.target), stagingName(basename(job.target)))
  try {
    const stored = floatsOf(job.precision)
    const graph = makeDecoder(folder.architecture, folder.checkpoint, encodings, stored)
    // Encoding rounds far more than float16 does, so a card may compute in float16 where that is faster.
    const floats: readonly GraphFloats[] = encodings === null ? [stored] : [stored, 'float16']
    await mkdir(staging, { mode: 0o700 })
    const description = await writeAll(folder, graph, { precision: job.precision, floats }, staging, progress)
    await moveIntoPlace(staging, job.target)
    return description
  } catch (failure) {
    await rm(staging, { recursive: true, force: true })
    throw diskFailure(failure, 'writing the graph')
  } finally {
    await folder.close()
  }
}

/** Writes the model once per float type; `graph` computes in the first of them. */
async function writeAll(
  folder: ModelFolder,
  graph: OnnxGraph,
  { precision, floats }: Pick<GraphDescription, 'precision' | 'floats'>,
  directory: string,
  progress: OnProgress,
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
    floats.map((kind, index) => [graphFiles[kind], index === 0 ? graph : toFloat16Graph(graph, [graphOutputs.logits])]),
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
 * Renames the staged folder to the target, so that a power cut leaves all of it or nothing. An empty target is removed
 * first, because Windows cannot rename onto a folder.
 */
async function moveIntoPlace(staging: string, target: string): Promise<void> {
  await syncFolder(staging)
  try {
    await rmdir(target).catch((failure: NodeJS.ErrnoException) => {
      if (failure.code !== 'ENOENT') throw failure
    })
    await rename(staging, target)
  } catch (cause) {
    // another process finished the same target first
    if (await exists(target))
      throw new SwitchboardError('name_taken', `the target folder ${basename(target)} was filled in the meantime`, {
        cause,
      })
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
