import { inStoredOrder, transposedSideBySide } from '../weight-stream.ts'
import { addFloats, initialiserName, type BlockContext } from './block-context.ts'
import { addEncodedMatrix, makeEncodedProduct } from './encoded-matrix.ts'

/**
 * Checkpoint modules (`model.layers.0.self_attn.q_proj`) with their output widths; several are fused into one product.
 */
export interface LinearSource {
  readonly module: string
  readonly outputs: number
}

/**
 * One or several linear layers over the same input as one matrix product, the outputs side by side. Fused, because a
 * decode step reads each weight once and pays for each operator.
 *
 * ```
 * input [.., in] -> MatMul [in, outs] -> (Add [outs]) -> [.., outs]
 *           or MatMulNBits [outs, blocks of in]
 * ```
 * @returns the name of the result.
 */
export function makeLinear(
  context: BlockContext,
  path: string,
  input: string,
  inputs: number,
  sources: readonly LinearSource[],
  bias: boolean,
): string {
  const { graph, checkpoint } = context
  const outputs = sources.reduce((sum, source) => sum + source.outputs, 0)
  const result = makeProduct(context, path, input, inputs, outputs, sources)
  if (!bias) return result
  const vectors = sources.map((source) => checkpoint.take(`${source.module}.bias`, [source.outputs]))
  const sum = `${path}/Add`
  return graph.node(sum, 'Add', [
    result,
    addFloats(context, initialiserName(sum, 'bias'), [outputs], inStoredOrder(vectors)),
  ])
}

function makeProduct(
  context: BlockContext,
  path: string,
  input: string,
  inputs: number,
  outputs: number,
  sources: readonly LinearSource[],
): string {
  const { graph, checkpoint, encodings } = context
  const matrices = sources.map((source) => checkpoint.take(`${source.module}.weight`, [source.outputs, inputs]))
  if (encodings !== null) {
    const product = `${path}/MatMulNBits`
    return makeEncodedProduct(
      graph,
      product,
      input,
      addEncodedMatrix(graph, encodings.layers, product, matrices, inputs),
    )
  }
  const product = `${path}/MatMul`
  const weight = addFloats(
    context,
    initialiserName(product, 'weight'),
    [inputs, outputs],
    transposedSideBySide(matrices),
  )
  return graph.node(product, 'MatMul', [input, weight])
}
