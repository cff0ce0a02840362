/**
 * The contract between the graph builder (workshop) and the runtime (engine): names, types and shapes of a decoder's
 * inputs and outputs. A built model is a folder with a graph for each kind of numbers it can compute with
 * (`model.onnx`,
 * `model-float16.onnx`), the weights that they share (`model.onnx_data`), and `graph.json` ({@link GraphDescription}).
 *
 * ```
 * input_ids              int64   [batch, sequence]
 * seqlens_k              int32   [batch]            tokens of the row after this step, minus one
 * total_sequence_length  int32   [1]                longest row after this step; host memory on every provider
 * logit_rows             int64   [rows]             which of the batch*sequence positions get logits (flat index)
 * past_key_values.N.key    floats  [batch, kvHeads, maxLength, headDim]   N = 0 .. layers-1
 * past_key_values.N.value  floats  [batch, kvHeads, maxLength, headDim]
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

export const graphFiles = {
  float32: 'model.onnx',
  float16: 'model-float16.onnx',
  weights: 'model.onnx_data',
  description: 'graph.json',
} as const

/** Bump when the builder's output changes, so that cached graphs are rebuilt. */
export const GRAPH_VERSION = 3

/** Numbers that a graph computes with: activations and KV cache. */
export type GraphFloats = 'float32' | 'float16'

export interface GraphDescription {
  readonly version: number
  readonly family: string
  readonly precision: 'fp32' | 'fp16' | 'int8' | 'int4'
  /** There is a graph for each of these: processors compute in float32, cards in float16 where they can. */
  readonly floats: readonly GraphFloats[]
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
  /** SHA-256 (hex) of each of {@link filesOf}, verified before each load. */
  readonly files: Readonly<Record<string, string>>
}

/** The files of a built graph beside its description: the graphs, then their weights. */
export function filesOf({ floats }: Pick<GraphDescription, 'floats'>): readonly string[] {
  return [...floats.map((kind) => graphFiles[kind]), graphFiles.weights]
}
