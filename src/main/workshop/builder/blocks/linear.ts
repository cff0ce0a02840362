import { valueFor, type MatrixRole } from '../../../../shared/domain/by-matrix.ts'
import { int } from '../../onnx/graph-assembly.ts'
import type { MatrixEncoding } from '../matrix-encoding.ts'
import { inStoredOrder, transposedSideBySide } from '../weight-stream.ts'
import { addFloats, initialiserName, type LayerContext } from './block-context.ts'
import { addEncodedMatrix, makeEncodedProduct } from './encoded-matrix.ts'

/** One linear layer of the checkpoint. */
export interface LinearSource {
  readonly role: MatrixRole
  /** Such as `model.layers.0.self_attn.q_proj`. */
  readonly module: string
  /** Width of the output. */
  readonly outputs: number
}

export interface Linear {
  /** Width of the input. */
  readonly inputs: number
  readonly sources: readonly LinearSource[]
  readonly bias: boolean
}

/**
 * One or several linear layers over the same input, their outputs side by side. Sources with the same encoding are one
 * matrix product, because a decode step reads each weight once and pays for each operator.
 *
 * ```
 * input [.., in] -> MatMul [in, outs] or MatMulNBits [outs, blocks of in] -> (Concat) -> (Add [outs]) -> [.., outs]
 *                   one for each run of sources with the same encoding
 * ```
 * An adapter belongs behind the Concat and before the Add: its low-rank product reads the same input and has the width of
 * all outputs, whatever the encodings.
 * @returns the name of the result.
 */
export function makeLinear(context: LayerContext, path: string, input: string, linear: Linear): string {
  const { graph, checkpoint } = context
  const { inputs, sources, bias } = linear
  const runs = sameEncoding(context, sources)
  const products = runs.map(({ encoding, sources: fused }) =>
    makeProduct(
      context,
      runs.length === 1 ? path : `${path}/${fused.map(({ role }) => role).join('_')}`,
      input,
      { inputs, sources: fused },
      encoding,
    ),
  )
  const [only = ''] = products
  const result =
    products.length === 1 ? only : graph.node(`${path}/Concat`, 'Concat', products, { attributes: { axis: int(-1) } })
  if (!bias) return result
  const outputs = sources.reduce((sum, source) => sum + source.outputs, 0)
  const vectors = sources.map((source) => checkpoint.take(`${source.module}.bias`, [source.outputs]))
  const sum = `${path}/Add`
  return graph.node(sum, 'Add', [
    result,
    addFloats(context, initialiserName(sum, 'bias'), [outputs], inStoredOrder(vectors)),
  ])
}

interface Run {
  readonly encoding: MatrixEncoding | null
  readonly sources: LinearSource[]
}

/** Neighbouring sources that are stored alike, in their order. */
function sameEncoding({ encodings, layer }: LayerContext, sources: readonly LinearSource[]): readonly Run[] {
  const runs: Run[] = []
  for (const source of sources) {
    const encoding = valueFor(encodings, { role: source.role, layer })
    const last = runs.at(-1)
    if (last !== undefined && last.encoding === encoding) last.sources.push(source)
    else runs.push({ encoding, sources: [source] })
  }
  return runs
}

function makeProduct(
  context: LayerContext,
  path: string,
  input: string,
  { inputs, sources }: Omit<Linear, 'bias'>,
  encoding: MatrixEncoding | null,
): string {
  const { graph, checkpoint } = context
  const matrices = sources.map((source) => checkpoint.take(`${source.module}.weight`, [source.outputs, inputs]))
  if (encoding !== null) {
    const product = `${path}/MatMulNBits`
    return makeEncodedProduct(graph, product, input, addEncodedMatrix(graph, encoding, product, matrices, inputs))
  }
  const product = `${path}/MatMul`
  const outputs = sources.reduce((sum, source) => sum + source.outputs, 0)
  const weight = addFloats(
    context,
    initialiserName(product, 'weight'),
    [inputs, outputs],
    transposedSideBySide(matrices),
  )
  return graph.node(product, 'MatMul', [input, weight])
}
