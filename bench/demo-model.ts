import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const configuration = JSON.parse(
  readFileSync(join(import.meta.dirname, '..', 'resources/models/demo/generation_config.json'), 'utf8'),
) as { eos_token_id: number | number[] }
/** End token ids of the demo model. Banned where every reply must have the same length. */
export const endTokenIds: readonly number[] = [configuration.eos_token_id].flat()
