import { z } from 'zod'
import type { Ask } from '../../shared/domain/ask.ts'
import type { SamplingParameters } from '../../shared/domain/generation.ts'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'

/** What a model's generation_config.json says. */
export interface GenerationDefaults {
  readonly sampling: Omit<SamplingParameters, 'seed' | 'logitBias'>
  /** Ids that end a reply (`eos_token_id`). */
  readonly stopIds: readonly number[]
}

const id = z.number().int().min(0)

/**
 * The fields of Hugging Face's generation_config.json that are used. A value out of range counts as absent: a file
 * cannot correct itself as a caller can.
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

/** For models without a generation_config.json: careful answers with a little variety. */
const fallback: GenerationDefaults['sampling'] = {
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
  if (text === null) return { sampling: fallback, stopIds: [] }
  let config: z.infer<typeof schema>
  try {
    config = schema.parse(JSON.parse(text))
  } catch (cause) {
    throw new SwitchboardError('model_corrupt', 'generation_config.json is not a JSON object', { cause })
  }
  const { eos_token_id: end } = config
  return {
    sampling: {
      ...fallback,
      temperature: config.do_sample === false ? 0 : (config.temperature ?? fallback.temperature),
      topP: config.top_p ?? fallback.topP,
      topK: config.top_k ?? fallback.topK,
      minP: config.min_p ?? fallback.minP,
      repetitionPenalty: config.repetition_penalty ?? fallback.repetitionPenalty,
    },
    stopIds: end === undefined || end === null ? [] : [end].flat(),
  }
}

/** The request's parameters, with the model's defaults for those it leaves out. */
export function samplingFor(
  defaults: GenerationDefaults,
  parameters: Ask['parameters'],
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
