/**
 * The contract between the graph builder (workshop) and the runtime (engine): names, types and shapes of a decoder's
 * inputs and outputs. A built model is a folder with one graph for each float type it can compute in (`model.onnx`,
 * `model-float16.onnx`), the weights that these share (`model.onnx_data`), and `graph.json` ({@link GraphDescription}).
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
import { z } from 'zod'
import { precisionSchema } from '../domain/generation.ts'

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

const floatsSchema = z.enum(['float32', 'float16'])
/** What a graph computes in: its activations and KV cache, whatever the precision of the weights. */
export type GraphFloats = z.infer<typeof floatsSchema>

const count = z.int().min(1)
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, { error: 'is not a SHA-256 in hexadecimal' })

/** What `graph.json` says about a built graph. */
export const graphDescriptionSchema = z
  .object(
    {
      version: z.literal(GRAPH_VERSION, {
        error: ({ input }) => `version ${String(input)} is not ${GRAPH_VERSION}, which this program builds and reads`,
      }),
      family: z.string().max(64),
      precision: precisionSchema,
      /** One graph for each: processors compute in float32, cards in float16 where they can. */
      floats: z.array(floatsSchema).min(1).max(2).readonly(),
      layers: count,
      hiddenSize: count,
      heads: count,
      kvHeads: count,
      headDim: count,
      vocabularySize: count,
      /** Positions the rotary tables cover: the longest context this graph can run. */
      maxPositions: count,
      weightBytes: count,
      /** Hashes of config.json and of every weight file the graph was built from, by file name. */
      sources: z.record(z.string(), sha256).readonly(),
      /** Hash of each of {@link filesOf}, verified before each load. */
      files: z.record(z.string(), sha256).readonly(),
    },
    { error: 'is not an object' },
  )
  .superRefine(({ floats, files }, context) => {
    for (const name of filesOf({ floats }))
      if (!Object.hasOwn(files, name))
        context.addIssue({ code: 'custom', path: ['files'], message: `has no SHA-256 of ${name}` })
  })
  .readonly()

export type GraphDescription = z.infer<typeof graphDescriptionSchema>

/** The files of a built graph beside its description: the graphs, then their weights. */
export function filesOf({ floats }: { readonly floats: readonly GraphFloats[] }): readonly string[] {
  return [...floats.map((kind) => graphFiles[kind]), graphFiles.weights]
}
