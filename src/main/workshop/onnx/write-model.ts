import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { encodeModel } from './encode.ts'
import { writeExternalData } from './external-data.ts'
import type { OnnxGraph } from './graph.ts'

/** Plain file names inside the target folder. */
export interface ModelFileNames {
  readonly graph: string
  readonly weights: string
}

export interface WrittenModel {
  readonly graphSha256: string
  readonly weightsSha256: string
  /** Length of the external data file, alignment included. */
  readonly weightBytes: number
}

/** Writes graph and external data into an existing folder, where neither file exists yet, and flushes them to the disk. */
export async function writeModel(graph: OnnxGraph, directory: string, names: ModelFileNames, onBytes: (count: number) => void): Promise<WrittenModel> {
  const weights = await open(join(directory, names.weights), 'wx', 0o600)
  try {
    const external = await writeExternalData(graph.initialisers, names.weights, weights, onBytes)
    await weights.sync()
    const bytes = encodeModel(graph, external.places)
    const file = await open(join(directory, names.graph), 'wx', 0o600)
    try {
      await file.writeFile(bytes)
      await file.sync()
    } finally {
      await file.close()
    }
    return { graphSha256: createHash('sha256').update(bytes).digest('hex'), weightsSha256: external.sha256, weightBytes: external.byteLength }
  } finally {
    await weights.close()
  }
}
