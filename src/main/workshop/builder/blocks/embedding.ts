import { graphInputs, graphOutputs } from '../../../../shared/contracts/graph.ts'
import { valueFor } from '../../../../shared/domain/by-matrix.ts'
import { elementType, int } from '../../onnx/graph-assembly.ts'
import { inStoredOrder } from '../weight-stream.ts'
import { addFloats, initialiserName, type BlockContext } from './block-context.ts'
import { addEncodedMatrix, makeEncodedLookup, makeEncodedProduct, type EncodedMatrix } from './encoded-matrix.ts'

/** A matrix `[vocabulary, hidden]`. */
export type VocabularyMatrix =
  | { readonly kind: 'floats'; readonly name: string }
  | { readonly kind: 'encoded'; readonly encoded: EncodedMatrix }

export interface Embedding {
  /** [batch, sequence, hidden] */
  readonly hidden: string
  /** The embedding matrix, which a tied head also reads. */
  readonly matrix: VocabularyMatrix
}

/** Looks up the rows of the input ids. */
export function makeEmbedding(context: BlockContext): Embedding {
  const { graph } = context
  const path = '/model/embed_tokens'
  const matrix = vocabularyMatrix(context, 'embedding', 'model.embed_tokens.weight', (encoded) =>
    encoded ? `${path}/GatherBlockQuantized` : `${path}/Gather`,
  )
  const hidden =
    matrix.kind === 'encoded'
      ? makeEncodedLookup(graph, path, graphInputs.inputIds, matrix.encoded)
      : graph.node(`${path}/Gather`, 'Gather', [matrix.name, graphInputs.inputIds], { attributes: { axis: int(0) } })
  return { hidden, matrix }
}

/**
 * Logits of the positions in logit_rows. Rows are picked before the head, which is the largest matrix of a small model.
 *
 * ```
 * hidden [batch, sequence, hidden] -> Reshape [batch * sequence, hidden] -> Gather(logit_rows) [rows, hidden]
 *   -> Gemm with the matrix as stored, [vocabulary, hidden], transposed inside -> logits [rows, vocabulary]
 *      (encoded: MatMulNBits with the same matrix; float16: Cast to float32 behind it)
 * ```
 */
export function makeHead(context: BlockContext, hidden: string, embeddingMatrix: VocabularyMatrix): void {
  const { graph, architecture, floats } = context
  const flatShape = graph.integers('lm_head.rows.Reshape.shape', [-1, architecture.hiddenSize])
  const flat = graph.node('/lm_head/rows/Reshape', 'Reshape', [hidden, flatShape])
  const rows = graph.node('/lm_head/rows/Gather', 'Gather', [flat, graphInputs.logitRows], {
    attributes: { axis: int(0) },
  })
  const nodeName = (encoded: boolean): string => (encoded ? '/lm_head/MatMulNBits' : '/lm_head/Gemm')
  const matrix = architecture.tiedHead ? embeddingMatrix : vocabularyMatrix(context, 'head', 'lm_head.weight', nodeName)
  const name = nodeName(matrix.kind === 'encoded')
  if (matrix.kind === 'encoded') makeEncodedProduct(graph, name, rows, matrix.encoded, graphOutputs.logits)
  else if (floats === 'float32')
    graph.node(name, 'Gemm', [rows, matrix.name], { outputs: [graphOutputs.logits], attributes: { transB: int(1) } })
  else {
    const float16 = graph.node(name, 'Gemm', [rows, matrix.name], { attributes: { transB: int(1) } })
    graph.node('/lm_head/Cast', 'Cast', [float16], {
      outputs: [graphOutputs.logits],
      attributes: { to: elementType('float32') },
    })
  }
}

/** A tensor [vocabulary, hidden] stored as its encoding says, named after the node that reads it. */
function vocabularyMatrix(
  context: BlockContext,
  role: 'embedding' | 'head',
  tensor: string,
  nodeName: (encoded: boolean) => string,
): VocabularyMatrix {
  const { graph, checkpoint, architecture, encodings } = context
  const shape = [architecture.vocabularySize, architecture.hiddenSize]
  const weight = checkpoint.take(tensor, shape)
  const encoding = valueFor(encodings, { role, layer: null })
  const node = nodeName(encoding !== null)
  if (encoding !== null)
    return { kind: 'encoded', encoded: addEncodedMatrix(graph, encoding, node, [weight], architecture.hiddenSize) }
  return { kind: 'floats', name: addFloats(context, initialiserName(node, 'weight'), shape, inStoredOrder([weight])) }
}
