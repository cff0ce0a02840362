/**
 * The contract between the graph builder (workshop) and the runtime (engine): names, types and shapes of a decoder's
 * inputs and outputs. A built model is a folder with `model.onnx`, `model.onnx_data` and `graph.json`
 * ({@link GraphDescription}).
 *
 * ```
 * input_ids              int64   [batch, sequence]
 * seqlens_k              int32   [batch]            tokens of the row after this step, minus one
 * total_sequence_length  int32   [1]                longest row after this step; host memory on every provider
 * logit_rows             int64   [rows]             which of the batch*sequence positions get logits (flat index)
 * past_key_values.N.key    kv type [batch, kvHeads, maxLength, headDim]   N = 0 .. layers-1
 * past_key_values.N.value  kv type [batch, kvHeads, maxLength, headDim]
 * -> logits              float32 [rows, vocabulary]
 * -> present.N.key, present.N.value: bound to the SAME buffers as the past (updated in place)
 * ```
 */
export const graphInputs = {
  inputIds: 'input_ids',
  seqlensK: 'seqlens_k',
  totalSequenceLength: 'total_sequence_length',
  logitRows: 'logit_rows',
  pastKey: (layer: number) => `past_key_values.${layer}.key`,
  pastValue: (layer: number) => `past_key_values.${layer}.value`,
} as const

export const graphOutputs = {
  logits: 'logits',
  presentKey: (layer: number) => `present.${layer}.key`,
  presentValue: (layer: number) => `present.${layer}.value`,
} as const

export const graphFiles = { graph: 'model.onnx', weights: 'model.onnx_data', description: 'graph.json' } as const

/** Bump when the builder's output changes, so that cached graphs are rebuilt. */
export const GRAPH_VERSION = 2

/** Numbers that a graph computes with. */
export type GraphFloats = 'float32' | 'float16'

export interface GraphDescription {
  readonly version: number
  readonly family: string
  readonly precision: 'fp32' | 'fp16' | 'int8' | 'int4'
  /** Element type of activations and KV cache. */
  readonly kvType: GraphFloats
  readonly layers: number
  readonly hiddenSize: number
  readonly heads: number
  readonly kvHeads: number
  readonly headDim: number
  readonly vocabularySize: number
  /** Positions the rotary tables cover: the longest context this graph can run. */
  readonly maxPositions: number
  readonly weightBytes: number
  /** SHA-256 (hex) of config.json and of every weight file the graph was built from, by file name. */
  readonly sources: Readonly<Record<string, string>>
  /** SHA-256 (hex) of model.onnx and model.onnx_data, verified before each load. */
  readonly files: Readonly<Record<string, string>>
}
