import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  filesOf,
  GRAPH_VERSION,
  graphFiles,
  type GraphDescription,
  type GraphFloats,
} from '../../../shared/contracts/graph.ts'
import { SwitchboardError } from '../../../shared/errors/switchboard-error.ts'

const counts = [
  'layers',
  'hiddenSize',
  'heads',
  'kvHeads',
  'headDim',
  'vocabularySize',
  'maxPositions',
  'weightBytes',
] as const

/**
 * Reads and checks graph.json of a built graph folder.
 * @throws SwitchboardError model_corrupt naming the file and field.
 */
export function readGraphDescription(directory: string): GraphDescription {
  const path = join(directory, graphFiles.description)
  // The message reaches clients, so it does not contain the path.
  const corrupt = (reason: string, cause: unknown = new Error(path)) =>
    new SwitchboardError('model_corrupt', `${graphFiles.description}: ${reason}`, {
      details: { file: graphFiles.description },
      cause,
    })
  let parsed: unknown
  try {
    parsed = JSON.parse(readFileSync(path, 'utf8'))
  } catch (cause) {
    throw corrupt(cause instanceof SyntaxError ? 'is not JSON' : 'cannot be read', cause)
  }
  if (typeof parsed !== 'object' || parsed === null) throw corrupt('is not an object')
  const description = parsed as Partial<Record<keyof GraphDescription, unknown>>
  if (description.version !== GRAPH_VERSION)
    throw corrupt(`was written by version ${String(description.version)} of the builder, expected ${GRAPH_VERSION}`)
  for (const name of counts) {
    const value = description[name]
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 1)
      throw corrupt(`${name} must be a whole number of at least 1`)
  }
  if (typeof description.precision !== 'string') throw corrupt('precision is missing')
  const { floats } = description
  if (!Array.isArray(floats) || floats.length === 0 || !floats.every(isFloats))
    throw corrupt('floats must list float32, float16 or both')
  const files = description.files
  if (typeof files !== 'object' || files === null) throw corrupt('files is missing')
  for (const name of filesOf({ floats })) {
    const hash = (files as Record<string, unknown>)[name]
    if (typeof hash !== 'string' || !/^[0-9a-f]{64}$/.test(hash)) throw corrupt(`files has no SHA-256 of ${name}`)
  }
  return parsed as GraphDescription
}

function isFloats(value: unknown): value is GraphFloats {
  return value === 'float32' || value === 'float16'
}
