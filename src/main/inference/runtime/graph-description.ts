import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { graphDescriptionSchema, graphFiles, type GraphDescription } from '../../../shared/contracts/graph.ts'
import { SwitchboardError } from '../../../shared/errors/switchboard-error.ts'

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
  let json: unknown
  try {
    json = JSON.parse(readFileSync(path, 'utf8'))
  } catch (cause) {
    throw corrupt(cause instanceof SyntaxError ? 'is not JSON' : 'cannot be read', cause)
  }
  const parsed = graphDescriptionSchema.safeParse(json)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  throw corrupt([...(issue?.path ?? []), issue?.message].join(': '))
}
