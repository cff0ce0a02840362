import { graphInputs, graphOutputs, type GraphFloats } from '../../../shared/contracts/graph.ts'
import { GraphAssembly } from '../onnx/graph-assembly.ts'
import type { OnnxGraph } from '../onnx/graph.ts'
import { makeAttention, makeRotaryTables } from './blocks/attention.ts'
import type { BlockContext } from './blocks/block-context.ts'
import { makeEmbedding, makeHead } from './blocks/embedding.ts'
import { makeMlp } from './blocks/mlp.ts'
import { makeNorm, makeSkipNorm } from './blocks/norm.ts'
import type { Checkpoint } from './checkpoint.ts'
import type { DecoderArchitecture } from './decoder-architecture.ts'
import type { MatrixEncodings } from './matrix-encoding.ts'

const operatorSets = { '': 21, 'com.microsoft': 1 } as const

/**
 * The graph of a pre-norm decoder, per contracts/graph.ts. Weights are named, checked and bound here; their bytes are
 * read
 * when the graph is written. Matrices are `floats` or, with `encodings`, codes and scales (of float32, as everything
 * else then).
 *
 * ```
 * input_ids -> embedding -+-> [norm -> attention -> + -> norm -> MLP -> +] x layers -> norm -> rows -> head -> logits
 *                         +---------- residual -----^-------------------^
 * ```
 * @throws SwitchboardError model_incompatible, model_unsupported when checkpoint and architecture do not fit.
 */
export function makeDecoder(
  architecture: DecoderArchitecture,
  checkpoint: Checkpoint,
  encodings: MatrixEncodings | null = null,
  floats: GraphFloats = 'float32',
): OnnxGraph {
  const graph = new GraphAssembly()
  const context: BlockContext = { graph, checkpoint, architecture, encodings, floats }
  graph.input({ name: graphInputs.inputIds, type: 'int64', dimensions: ['batch', 'sequence'] })
  graph.input({ name: graphInputs.seqlensK, type: 'int32', dimensions: ['batch'] })
  graph.input({ name: graphInputs.totalSequenceLength, type: 'int32', dimensions: [1] })
  graph.input({ name: graphInputs.logitRows, type: 'int64', dimensions: ['rows'] })
  graph.output({ name: graphOutputs.logits, type: 'float32', dimensions: ['rows', architecture.vocabularySize] })

  const embedding = makeEmbedding(context)
  const rotary = makeRotaryTables(context)
  let residual = embedding.hidden
  let normalised = makeNorm(context, '/model/layers.0/input_layernorm', residual, 'model.layers.0.input_layernorm')
  for (let layer = 0; layer < architecture.layers; layer++) {
    const attended = makeAttention(context, layer, normalised, rotary)
    const afterAttention = makeSkipNorm(
      context,
      `/model/layers.${layer}/post_attention_layernorm`,
      residual,
      attended,
      `model.layers.${layer}.post_attention_layernorm`,
    )
    const transformed = makeMlp(context, layer, afterAttention.normalised)
    // a layer's sum is normalised by the next layer's first norm, or by the final one
    const next = layer + 1 < architecture.layers ? `layers.${layer + 1}.input_layernorm` : 'norm'
    const afterMlp = makeSkipNorm(context, `/model/${next}`, afterAttention.residual, transformed, `model.${next}`)
    residual = afterMlp.residual
    normalised = afterMlp.normalised
  }
  makeHead(context, normalised, embedding.matrix)
  checkpoint.refuseLeftovers((name) => harmlessLeftover(name, architecture.tiedHead))
  return graph.finish(architecture.family, 'switchboard', operatorSets)
}

/** Tables that old exporters saved, and the copy of a tied head, which the reference overwrites with the embedding. */
function harmlessLeftover(name: string, tiedHead: boolean): boolean {
  return name.endsWith('.rotary_emb.inv_freq') || (tiedHead && name === 'lm_head.weight')
}
