import type { DecoderArchitecture } from '../decoder-architecture.ts'
import { refuseField, type ModelConfig } from '../model-config.ts'
import { ropeScheme } from '../rope.ts'

/** A family of checkpoints: its model_type and how its config.json reads. */
export interface Family {
  readonly modelType: string
  /** @throws SwitchboardError model_unsupported, model_incompatible */
  architecture(config: ModelConfig): DecoderArchitecture
}

/**
 * Positions beyond these are left out of the rotary tables: 128 Ki tokens of KV cache fill more than one GPU already,
 * and the
 * tables grow with a number that config.json may claim without a weight behind it.
 */
const LONGEST_CONTEXT = 131_072

/**
 * What the families have in common: pre-norm decoder, rotary attention with grouped heads, gated SiLU MLP.
 * @throws SwitchboardError model_unsupported, naming the field.
 */
export function commonArchitecture(
  config: ModelConfig,
  defaultMaxPositions: number,
): Omit<DecoderArchitecture, 'family' | 'tiedHead' | 'qkvBias' | 'outputBias' | 'mlpBias'> {
  const maxPositions = Math.min(config.max_position_embeddings ?? defaultMaxPositions, LONGEST_CONTEXT)
  const heads = config.num_attention_heads
  const kvHeads = config.num_key_value_heads ?? heads
  const headDim = config.head_dim ?? config.hidden_size / heads
  if (config.hidden_act !== 'silu' && config.hidden_act !== 'swish')
    refuseField('hidden_act', config.hidden_act, 'supported: silu')
  if (heads % kvHeads !== 0)
    refuseField('num_key_value_heads', kvHeads, `it has to divide num_attention_heads (${heads})`)
  // GroupQueryAttention refuses others once it runs
  if (headDim % 16 !== 0) refuseField('head_dim', headDim, 'it has to be a multiple of 16')
  if (config.quantization_config !== undefined && config.quantization_config !== null) {
    refuseField('quantization_config', 'present', 'import the unquantised checkpoint')
  }
  return {
    layers: config.num_hidden_layers,
    hiddenSize: config.hidden_size,
    heads,
    kvHeads,
    headDim,
    intermediateSize: config.intermediate_size,
    vocabularySize: config.vocab_size,
    maxPositions,
    normEpsilon: config.rms_norm_eps,
    rope: ropeScheme(config, config.max_position_embeddings ?? defaultMaxPositions),
  }
}
