import { SwitchboardError } from '../../../../shared/errors/switchboard-error.ts'
import type { DecoderArchitecture } from '../decoder-architecture.ts'
import { parseModelConfig } from '../model-config.ts'
import type { Family } from './family.ts'
import { llama } from './llama.ts'
import { qwen2 } from './qwen2.ts'

/** Every family this program can run. A new one is a file beside these and a line here. */
const families: readonly Family[] = [llama, qwen2]

/** @throws SwitchboardError model_unsupported */
export function familyOf(modelType: string): Family {
  const family = families.find((candidate) => candidate.modelType === modelType)
  if (family !== undefined) return family
  const supported = families.map((known) => known.modelType).join(', ')
  throw new SwitchboardError(
    'model_unsupported',
    `config.json: model_type ${JSON.stringify(modelType)} is not supported; supported: ${supported}`,
    { details: { field: 'model_type', found: modelType } },
  )
}

/**
 * The architecture that a config.json describes.
 * @throws SwitchboardError model_corrupt, model_unsupported, model_incompatible
 */
export function readArchitecture(configText: string): DecoderArchitecture {
  const config = parseModelConfig(configText, (modelType) => void familyOf(modelType))
  return familyOf(config.model_type).architecture(config)
}
