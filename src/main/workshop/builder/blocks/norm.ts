import { float, int } from '../../onnx/graph-assembly.ts'
import { inStoredOrder } from '../weight-stream.ts'
import { addFloats, initialiserName, type BlockContext } from './block-context.ts'

/** RMS norm (Zhang & Sennrich 2019) of [batch, sequence, hidden]; returns the normalised value. */
export function makeNorm(context: BlockContext, path: string, input: string, module: string): string {
  const { graph, architecture } = context
  const name = `${path}/SimplifiedLayerNormalization`
  return graph.node(name, 'SimplifiedLayerNormalization', [input, normWeight(context, name, module)], {
    attributes: { axis: int(-1), epsilon: float(architecture.normEpsilon), stash_type: int(1) },
  })
}

/**
 * Adds a block's result to the residual stream and normalises the sum, in one operator.
 *
 * ```
 * residual --+--> sum (output 3), the residual stream from here on
 * result ----+--> RMS norm (output 0)
 * ```
 */
export function makeSkipNorm(
  context: BlockContext,
  path: string,
  residual: string,
  result: string,
  module: string,
): { readonly normalised: string; readonly residual: string } {
  const { graph, architecture } = context
  const name = `${path}/SkipSimplifiedLayerNormalization`
  const sum = `${name}/output_3`
  const normalised = graph.node(
    name,
    'SkipSimplifiedLayerNormalization',
    [residual, result, normWeight(context, name, module)],
    {
      domain: 'com.microsoft',
      outputs: [`${name}/output_0`, '', '', sum],
      attributes: { epsilon: float(architecture.normEpsilon) },
    },
  )
  return { normalised, residual: sum }
}

function normWeight(context: BlockContext, node: string, module: string): string {
  const { checkpoint, architecture } = context
  const scale = checkpoint.take(`${module}.weight`, [architecture.hiddenSize])
  return addFloats(context, initialiserName(node, 'weight'), [architecture.hiddenSize], inStoredOrder([scale]))
}
