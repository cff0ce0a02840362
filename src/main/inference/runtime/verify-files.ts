import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { filesOf, graphFiles, type GraphDescription } from '../../../shared/contracts/graph.ts'
import { SwitchboardError } from '../../../shared/errors/switchboard-error.ts'

/**
 * Compares the SHA-256 of graphs and weights with graph.json, because one damaged byte of a weight would become a wrong
 * answer to a customer. Streamed, so that messages are handled meanwhile.
 * @throws SwitchboardError model_corrupt naming the file.
 */
export async function verifyFiles(directory: string, description: GraphDescription): Promise<void> {
  for (const name of filesOf(description)) {
    const path = join(directory, name)
    const hash = createHash('sha256')
    try {
      await pipeline(createReadStream(path, { highWaterMark: 4 * 1024 * 1024 }), hash)
    } catch (cause) {
      throw new SwitchboardError('model_corrupt', `${name} cannot be read`, { details: { file: name }, cause })
    }
    if (hash.digest('hex') !== description.files[name])
      throw new SwitchboardError(
        'model_corrupt',
        `${name} is damaged: its SHA-256 differs from the one in ${graphFiles.description}`,
        { details: { file: name }, cause: new Error(path) },
      )
  }
}
