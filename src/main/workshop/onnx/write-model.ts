import { createHash } from 'node:crypto'
import { open, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { encodeModel } from './encode.ts'
import { writeExternalData } from './external-data.ts'
import type { OnnxGraph } from './graph.ts'

export interface ModelToWrite {
  /** By plain file name. All share the same initialisers, whose weights are written once. */
  readonly graphs: Readonly<Record<string, OnnxGraph>>
  /** Plain file name of the external data. */
  readonly weights: string
}

export interface WrittenModel {
  /** SHA-256 (hex) by file name. */
  readonly files: Readonly<Record<string, string>>
  /** Length of the external data file, alignment included. */
  readonly weightBytes: number
}

/**
 * Writes graphs and their external data as new files of an existing folder and flushes them to the disk.
 * @throws Error when the graphs do not share their initialisers (a fault of the builder).
 */
export async function writeModel(
  { graphs, weights }: ModelToWrite,
  directory: string,
  onBytes: (count: number) => void,
): Promise<WrittenModel> {
  const initialisers = Object.values(graphs)[0]?.initialisers ?? []
  const external = await created(join(directory, weights), (file) =>
    writeExternalData(initialisers, weights, file, onBytes),
  )
  const files: Record<string, string> = { [weights]: external.sha256 }
  for (const [name, graph] of Object.entries(graphs)) {
    if (graph.initialisers !== initialisers) throw new Error(`graph ${name} has initialisers of its own`)
    const bytes = encodeModel(graph, external.locations)
    await created(join(directory, name), (file) => file.writeFile(bytes))
    files[name] = createHash('sha256').update(bytes).digest('hex')
  }
  return { files, weightBytes: external.byteLength }
}

/** Creates a file, and flushes it after `write`. */
async function created<T>(path: string, write: (file: FileHandle) => Promise<T>): Promise<T> {
  const file = await open(path, 'wx', 0o600)
  try {
    const result = await write(file)
    await file.sync()
    return result
  } finally {
    await file.close()
  }
}
