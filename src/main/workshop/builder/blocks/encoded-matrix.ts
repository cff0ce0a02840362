import type { Weight } from '../checkpoint.ts'
import { int, type GraphAssembly } from '../../onnx/graph-assembly.ts'
import type { MatrixEncoding } from '../matrix-encoding.ts'
import { rowsEncoded } from '../weight-stream.ts'
import { initialiserName } from './block-context.ts'

/** A matrix `[rows, width]` in the graph as codes and scales. */
export interface EncodedMatrix {
  readonly encoding: MatrixEncoding
  /** uint8 `[rows, blocks, blockSize * bits / 8]` */
  readonly codes: string
  /** float32 `[rows, blocks]` */
  readonly scales: string
  readonly rows: number
  readonly width: number
}

/** Adds weights `[out, width]`, stacked by rows and named after the node that reads them. */
export function addEncodedMatrix(
  graph: GraphAssembly,
  encoding: MatrixEncoding,
  node: string,
  weights: readonly Weight[],
  width: number,
): EncodedMatrix {
  const rows = weights.reduce((sum, weight) => sum + (weight.shape[0] ?? 0), 0)
  const blocks = Math.ceil(width / encoding.blockSize)
  return {
    encoding,
    codes: graph.weight(
      initialiserName(node, 'weight'),
      'uint8',
      [rows, blocks, blockBytes(encoding)],
      rowsEncoded(weights, encoding.codes),
    ),
    scales: graph.weight(
      initialiserName(node, 'scales'),
      'float32',
      [rows, blocks],
      rowsEncoded(weights, encoding.scales),
    ),
    rows,
    width,
  }
}

/**
 * input `[.., width]` times the transposed matrix -> `[.., rows]`. Without zero points codes are centred on their middle.
 * https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.MatMulNBits
 */
export function makeEncodedProduct(
  graph: GraphAssembly,
  name: string,
  input: string,
  { encoding, codes, scales, rows, width }: EncodedMatrix,
  output?: string,
): string {
  return graph.node(name, 'MatMulNBits', [input, codes, scales], {
    domain: 'com.microsoft',
    attributes: {
      K: int(width),
      N: int(rows),
      bits: int(encoding.bits),
      block_size: int(encoding.blockSize),
      accuracy_level: int(encoding.accuracyLevel),
    },
    ...(output === undefined ? {} : { outputs: [output] }),
  })
}

/**
 * The rows at `indices`, `[..indices, width]`. The operator yields whole blocks, so rows that end inside a block are cut.
 *
 * ```
 * indices -> GatherBlockQuantized [.., blocks * blockSize] -> (Slice) -> [.., width]
 * ```
 * https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.GatherBlockQuantized
 */
export function makeEncodedLookup(
  graph: GraphAssembly,
  path: string,
  indices: string,
  { encoding, codes, scales, rows, width }: EncodedMatrix,
): string {
  const name = `${path}/GatherBlockQuantized`
  const blocks = Math.ceil(width / encoding.blockSize)
  // the bytes that the product reads, as a plain byte matrix
  const flat = graph.view(initialiserName(name, 'flat_weight'), codes, 'uint8', [rows, blocks * blockBytes(encoding)])
  const padded = graph.node(name, 'GatherBlockQuantized', [flat, indices, scales], {
    domain: 'com.microsoft',
    attributes: {
      gather_axis: int(0),
      quantize_axis: int(1),
      bits: int(encoding.bits),
      block_size: int(encoding.blockSize),
    },
  })
  if (width % encoding.blockSize === 0) return padded
  const slice = `${path}/Slice`
  const [starts, ends, axes] = (['starts', 'ends', 'axes'] as const).map((input) =>
    graph.integers(initialiserName(slice, input), [{ starts: 0, ends: width, axes: -1 }[input]]),
  )
  return graph.node(slice, 'Slice', [padded, starts ?? '', ends ?? '', axes ?? ''])
}

const blockBytes = ({ bits, blockSize }: MatrixEncoding): number => (blockSize * bits) / 8
