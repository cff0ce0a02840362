import { graphInputs, graphOutputs, type GraphFloats } from '../../../shared/contracts/graph.ts'
import { GraphAssembly } from '../onnx/graph-assembly.ts'
import type { OnnxGraph } from '../onnx/graph.ts'
import type { BlockContext } from './blocks/block-context.ts'
import { makeEmbedding, makeHead } from './blocks/embedding.ts'
import { makeNorm, type Stream } from './blocks/norm.ts'
import type { Checkpoint } from './checkpoint.ts'
import type { DecoderArchitecture } from './decoder-architecture.ts'
import { familyOf } from './families/registry.ts'
import { plainMatrices, type MatrixEncodings } from './matrix-encoding.ts'

const operatorSets = { '': 21, 'com.microsoft': 1 } as const

/**
 * The graph of a decoder, per contracts/graph.ts. Weights are named, checked and bound here; their bytes are read when the
 * graph is written. Matrices are `floats` or, where `encodings` says so, codes and scales; scales are float32, as is then
 * everything that is not encoded.
 *
 * ```
 * input_ids -> embedding -> layers of the family -> norm -> logit_rows -> head -> logits
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
  const context: BlockContext = { graph, checkpoint, architecture, encodings: encodings ?? plainMatrices, floats }
  graph.input({ name: graphInputs.inputIds, type: 'int64', dimensions: ['batch', 'sequence'] })
  graph.input({ name: graphInputs.seqlensK, type: 'int32', dimensions: ['batch'] })
  graph.input({ name: graphInputs.totalSequenceLength, type: 'int32', dimensions: [1] })
  graph.input({ name: graphInputs.logitRows, type: 'int64', dimensions: ['rows'] })
  graph.output({ name: graphOutputs.logits, type: 'float32', dimensions: ['rows', architecture.vocabularySize] })

  const embedding = makeEmbedding(context)
  const makeLayer = familyOf(architecture.family).layers(context)
  let stream: Stream = { residual: embedding.hidden, pending: null }
  for (let layer = 0; layer < architecture.layers; layer++)
    stream = makeLayer({ ...context, layer, path: `/model/layers.${layer}`, module: `model.layers.${layer}` }, stream)
  const { normalised } = makeNorm(context, '/model/norm', stream, 'model.norm')
  makeHead(context, normalised, embedding.matrix)
  checkpoint.refuseLeftovers((name) => isHarmlessLeftover(name, architecture.tiedHead))
  return graph.finish(architecture.family, 'switchboard', operatorSets)
}

/** Tables that old exporters saved, and the copy of a tied head, which the reference overwrites with the embedding. */
function isHarmlessLeftover(name: string, tiedHead: boolean): boolean {
  return name.endsWith('.rotary_emb.inv_freq') || (tiedHead && name === 'lm_head.weight')
}
