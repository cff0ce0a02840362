import { float, int } from '../../onnx/graph-assembly.ts'
import { inStoredOrder } from '../weight-stream.ts'
import { addFloats, initialiserName, type BlockContext } from './block-context.ts'

/**
 * The residual stream between two norms, [batch, sequence, hidden]. The result of the last block is not added yet,
 * because one operator adds and normalises; null before the first block.
 */
export interface Stream {
  readonly residual: string
  readonly pending: string | null
}

/**
 * Adds the pending result to the residual stream and normalises the sum (RMS norm, Zhang & Sennrich 2019).
 *
 * ```
 * residual --+--> sum (output 3), the residual stream from here on
 * pending ---+--> RMS norm (output 0)
 * ```
 * @param path of the node.
 * @param module of the checkpoint that holds the scale.
 */
export function makeNorm(
  context: BlockContext,
  path: string,
  { residual, pending }: Stream,
  module: string,
): { readonly normalised: string; readonly residual: string } {
  const { graph, architecture } = context
  const epsilon = float(architecture.normEpsilon)
  if (pending === null) {
    const name = `${path}/SimplifiedLayerNormalization`
    const normalised = graph.node(name, 'SimplifiedLayerNormalization', [residual, normWeight(context, name, module)], {
      attributes: { axis: int(-1), epsilon, stash_type: int(1) },
    })
    return { normalised, residual }
  }
  const name = `${path}/SkipSimplifiedLayerNormalization`
  const sum = `${name}/output_3`
  const normalised = graph.node(
    name,
    'SkipSimplifiedLayerNormalization',
    [residual, pending, normWeight(context, name, module)],
    { domain: 'com.microsoft', outputs: [`${name}/output_0`, '', '', sum], attributes: { epsilon } },
  )
  return { normalised, residual: sum }
}

function normWeight(context: BlockContext, node: string, module: string): string {
  const { checkpoint, architecture } = context
  const scale = checkpoint.take(`${module}.weight`, [architecture.hiddenSize])
  return addFloats(context, initialiserName(node, 'weight'), [architecture.hiddenSize], inStoredOrder([scale]))
}
