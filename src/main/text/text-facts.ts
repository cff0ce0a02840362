import { join } from 'node:path'
import { fitPrompt } from './fit-prompt.ts'
import { readOptionalText } from './tokenizer-json.ts'
import type { Tokenizer } from './tokenizer.ts'
import type { TaskResult, TextFacts, TextTask } from './worker-protocol.ts'

/** Of generation_config.json, which main parses. Good files take a few hundred. */
const MAX_CONFIG_BYTES = 65_536

/** What main needs of a model folder. @throws SwitchboardError model_corrupt. */
export function readTextFacts(directory: string, tokenizer: Tokenizer): TextFacts {
  return {
    table: tokenizer.table.data,
    maxTokenBytes: tokenizer.maxTokenBytes,
    packedVocabulary: Buffer.from(tokenizer.packedBytes()).toString('base64'),
    endId: tokenizer.endId,
    generationConfig: readOptionalText(join(directory, 'generation_config.json'), MAX_CONFIG_BYTES, 'model_corrupt'),
  }
}

/** @throws SwitchboardError what fitPrompt throws. */
export function runTask(tokenizer: Tokenizer, { input, limits }: TextTask): TaskResult {
  const { ids, ...rest } = fitPrompt(tokenizer, input, limits)
  return { ids: Uint32Array.from(ids), ...rest }
}
