import { commonArchitecture, type Family } from './family.ts'
import { preNormLayers } from './pre-norm-layer.ts'

/** Where config.json gives none: LlamaConfig. */
const DEFAULT_MAX_POSITIONS = 2048

/** Llama 2, 3, 3.1, 3.2 and the many that share their layout. Touvron et al. 2023; transformers modeling_llama.py. */
export const llama: Family = {
  modelType: 'llama',
  architecture: (config) => ({
    ...commonArchitecture(config, DEFAULT_MAX_POSITIONS),
    family: 'llama',
    tiedHead: config.tie_word_embeddings ?? false,
    qkvBias: config.attention_bias,
    outputBias: config.attention_bias,
    mlpBias: config.mlp_bias,
  }),
  layers: preNormLayers,
}
