import { refuseField, type ModelConfig } from '../model-config.ts'
import { commonArchitecture, type Family } from './family.ts'
import { preNormLayers } from './pre-norm-layer.ts'

/** Where config.json gives none: Qwen2Config. */
const DEFAULT_MAX_POSITIONS = 32_768

/** Qwen 2 and 2.5: Llama with biases on q, k and v. Yang et al. 2024; transformers modeling_qwen2.py. */
export const qwen2: Family = {
  modelType: 'qwen2',
  architecture: (config) => {
    refuseSlidingWindow(config)
    return {
      ...commonArchitecture(config, DEFAULT_MAX_POSITIONS),
      family: 'qwen2',
      tiedHead: config.tie_word_embeddings ?? false,
      qkvBias: true,
      outputBias: false,
      mlpBias: false,
    }
  },
  layers: preNormLayers,
}

/** Refuses a sliding window unless it is longer than every context or begins behind the last layer. */
function refuseSlidingWindow(config: ModelConfig): void {
  const window = config.sliding_window
  const slides = config.layer_types
    ? config.layer_types.includes('sliding_attention')
    : config.use_sliding_window && config.num_hidden_layers > (config.max_window_layers ?? 28)
  if (
    slides &&
    window !== null &&
    window !== undefined &&
    window < (config.max_position_embeddings ?? DEFAULT_MAX_POSITIONS)
  ) {
    refuseField('sliding_window', window, 'sliding windows are not supported yet')
  }
}
