import type { BlockContext, LayerContext } from '../blocks/block-context.ts'
import type { Stream } from '../blocks/norm.ts'
import type { DecoderArchitecture } from '../decoder-architecture.ts'
import { refuseField, type ModelConfig } from '../model-config.ts'
import { ropeScheme } from '../rope.ts'

/** Builds one layer: takes the residual stream before it, gives the one after it. */
export type MakeLayer = (context: LayerContext, stream: Stream) => Stream

/** A family of checkpoints: its model_type, how its config.json reads, and what one of its layers is made of. */
export interface Family {
  readonly modelType: string
  /** @throws SwitchboardError model_unsupported, model_incompatible */
  architecture(config: ModelConfig): DecoderArchitecture
  /**
   * Adds what the layers share, such as rotary tables, and returns the builder of one layer. A family composes its layer
   * from the shared blocks: its own norms, rotary tables, projections and tensor names need no change outside its file.
   * @throws SwitchboardError model_incompatible, model_unsupported when checkpoint and architecture do not fit.
   */
  layers(context: BlockContext): MakeLayer
}

/**
 * Positions of the rotary tables at most: the KV cache of 128 Ki tokens fills more than one GPU, and config.json may
 * claim any number without a weight behind it.
 */
const MAX_POSITIONS = 131_072

/**
 * What the families have in common: pre-norm decoder, rotary attention with grouped heads, gated SiLU MLP.
 * @throws SwitchboardError model_unsupported, naming the field.
 */
export function commonArchitecture(
  config: ModelConfig,
  defaultMaxPositions: number,
): Omit<DecoderArchitecture, 'family' | 'tiedHead' | 'qkvBias' | 'outputBias' | 'mlpBias'> {
  const maxPositions = Math.min(config.max_position_embeddings ?? defaultMaxPositions, MAX_POSITIONS)
  const heads = config.num_attention_heads
  const kvHeads = config.num_key_value_heads ?? heads
  const headDim = config.head_dim ?? config.hidden_size / heads
  if (config.hidden_act !== 'silu' && config.hidden_act !== 'swish')
    refuseField('hidden_act', config.hidden_act, 'supported: silu')
  if (heads % kvHeads !== 0)
    refuseField('num_key_value_heads', kvHeads, `it has to divide num_attention_heads (${heads})`)
  // GroupQueryAttention refuses others, but only when it runs
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
