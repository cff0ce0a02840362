import { SwitchboardError } from '../../../../shared/errors/switchboard-error.ts'
import type { DecoderArchitecture } from '../decoder-architecture.ts'
import { parseModelConfig } from '../model-config.ts'
import type { Family } from './family.ts'
import { llama } from './llama.ts'
import { qwen2 } from './qwen2.ts'

/** Every family this program can run. A new one is a file beside these and a line here. */
export const families: readonly Family[] = [llama, qwen2]

/**
 * The architecture that a config.json describes. @throws SwitchboardError model_corrupt, model_unsupported,
 * model_incompatible
 */
export function readArchitecture(configText: string): DecoderArchitecture {
  const config = parseModelConfig(
    configText,
    families.map((family) => family.modelType),
  )
  const family = families.find((candidate) => candidate.modelType === config.model_type)
  if (family === undefined)
    throw new SwitchboardError('model_unsupported', `config.json: model_type ${config.model_type} is not supported`)
  return family.architecture(config)
}
