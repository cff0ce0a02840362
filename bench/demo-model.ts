import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const configuration = JSON.parse(
  readFileSync(join(import.meta.dirname, '..', 'resources/models/demo/generation_config.json'), 'utf8'),
) as { eos_token_id: number | number[] }
/** Ids that end a reply of the demo model. Biased away where every reply is to have the same length. */
export const endTokenIds: readonly number[] = [configuration.eos_token_id].flat()
