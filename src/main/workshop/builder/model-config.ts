import { z } from 'zod'
import { SwitchboardError } from '../../../shared/errors/switchboard-error.ts'

const count = z
  .number()
  .int()
  .positive()
  .max(2 ** 31 - 1)
const positive = z.number().positive()

/** One rope description: `rope_scaling` of transformers 4, `rope_parameters` of transformers 5. */
const ropeSchema = z.object({
  rope_type: z.string().optional(),
  /** Older name of rope_type. */
  type: z.string().optional(),
  rope_theta: positive.optional(),
  factor: positive.nullish(),
  low_freq_factor: positive.nullish(),
  high_freq_factor: positive.nullish(),
  original_max_position_embeddings: count.nullish(),
  partial_rotary_factor: positive.nullish(),
})

/** The fields of config.json that change the computation. Unknown ones are ignored, as in transformers. */
const configSchema = z.object({
  model_type: z.string().max(64),
  vocab_size: count,
  hidden_size: count,
  intermediate_size: count,
  num_hidden_layers: count.max(1024),
  num_attention_heads: count,
  num_key_value_heads: count.nullish(),
  head_dim: count.nullish(),
  hidden_act: z.string().default('silu'),
  max_position_embeddings: count.optional(),
  rms_norm_eps: positive.default(1e-6),
  tie_word_embeddings: z.boolean().optional(),
  rope_theta: positive.optional(),
  rope_scaling: ropeSchema.nullish(),
  rope_parameters: ropeSchema.nullish(),
  partial_rotary_factor: positive.nullish(),
  attention_bias: z.boolean().default(false),
  mlp_bias: z.boolean().default(false),
  use_sliding_window: z.boolean().default(false),
  sliding_window: count.nullish(),
  max_window_layers: z.number().int().nonnegative().optional(),
  layer_types: z.array(z.string()).nullish(),
  quantization_config: z.unknown().optional(),
})

export type ModelConfig = z.infer<typeof configSchema>

const modelTypeSchema = z.object({ model_type: z.string().max(64) })

/**
 * Parses config.json. The family is checked first, so that an unsupported one is called unsupported, not malformed.
 *
 * @param checkFamily throws for a model_type that is not supported.
 * @throws SwitchboardError model_corrupt (no JSON, no model_type), model_incompatible (a field), what `checkFamily`
 *   throws.
 */
export function parseModelConfig(text: string, checkFamily: (modelType: string) => void): ModelConfig {
  const json = parseJson(text)
  const modelType = modelTypeSchema.safeParse(json)
  if (!modelType.success)
    throw new SwitchboardError('model_corrupt', 'config.json: model_type is missing', {
      details: { file: 'config.json', field: 'model_type' },
    })
  checkFamily(modelType.data.model_type)
  const parsed = configSchema.safeParse(json)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]
    const field = issue?.path.join('.') ?? ''
    throw new SwitchboardError('model_incompatible', `config.json: ${field}: ${issue?.message ?? 'not valid'}`, {
      details: { file: 'config.json', field },
    })
  }
  return parsed.data
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new SwitchboardError('model_corrupt', 'config.json is not valid JSON', {
      cause,
      details: { file: 'config.json' },
    })
  }
}

/** @throws SwitchboardError model_unsupported, naming the field of config.json and its value. */
export function refuseField(field: string, found: string | number | boolean, why: string): never {
  throw new SwitchboardError('model_unsupported', `config.json: ${field} is ${JSON.stringify(found)}; ${why}`, {
    details: { file: 'config.json', field, found },
  })
}
