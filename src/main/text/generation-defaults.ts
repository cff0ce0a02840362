import { z } from 'zod'
import type { SamplingParameters } from '../../shared/domain/generation.ts'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import type { ReplyRequest } from '../answering/answer.ts'

/** Sampling of a model when nobody says otherwise, and the ids it ends with. */
export interface GenerationDefaults {
  readonly sampling: Omit<SamplingParameters, 'seed' | 'logitBias'>
  readonly stopIds: readonly number[]
}

const id = z.number().int().min(0)

/**
 * The fields of Hugging Face's generation_config.json that are used; out of range means absent, as a file is no caller.
 */
const schema = z.object({
  do_sample: z.boolean().optional().catch(undefined),
  temperature: z.number().min(0).max(2).optional().catch(undefined),
  top_p: z.number().gt(0).max(1).optional().catch(undefined),
  top_k: z.number().int().min(0).max(1000).optional().catch(undefined),
  min_p: z.number().min(0).max(1).optional().catch(undefined),
  repetition_penalty: z.number().min(0.5).max(2).optional().catch(undefined),
  eos_token_id: z
    .union([id, z.array(id)])
    .nullish()
    .catch(undefined),
})

/** For models that say nothing: careful answers with a little variety. */
const unsaid: GenerationDefaults['sampling'] = {
  temperature: 0.7,
  topP: 1,
  topK: 0,
  minP: 0,
  repetitionPenalty: 1,
  frequencyPenalty: 0,
  presencePenalty: 0,
}

/** @throws SwitchboardError model_corrupt when the file is no JSON object. */
export function readGenerationDefaults(text: string | null): GenerationDefaults {
  if (text === null) return { sampling: unsaid, stopIds: [] }
  let config: z.infer<typeof schema>
  try {
    config = schema.parse(JSON.parse(text))
  } catch (cause) {
    throw new SwitchboardError('model_corrupt', 'generation_config.json is not a JSON object', { cause })
  }
  const { eos_token_id: end } = config
  return {
    sampling: {
      ...unsaid,
      temperature: config.do_sample === false ? 0 : (config.temperature ?? unsaid.temperature),
      topP: config.top_p ?? unsaid.topP,
      topK: config.top_k ?? unsaid.topK,
      minP: config.min_p ?? unsaid.minP,
      repetitionPenalty: config.repetition_penalty ?? unsaid.repetitionPenalty,
    },
    stopIds: end === undefined || end === null ? [] : [end].flat(),
  }
}

/** The model's defaults under what the request says. */
export function samplingFor(
  defaults: GenerationDefaults,
  parameters: ReplyRequest['parameters'],
  seed: number,
): SamplingParameters {
  const { sampling } = defaults
  return {
    temperature: parameters.temperature ?? sampling.temperature,
    topP: parameters.topP ?? sampling.topP,
    topK: parameters.topK ?? sampling.topK,
    minP: parameters.minP ?? sampling.minP,
    repetitionPenalty: parameters.repetitionPenalty ?? sampling.repetitionPenalty,
    frequencyPenalty: parameters.frequencyPenalty ?? sampling.frequencyPenalty,
    presencePenalty: parameters.presencePenalty ?? sampling.presencePenalty,
    logitBias: parameters.logitBias ?? {},
    seed,
  }
}
