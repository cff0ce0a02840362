import type { GraphFloats } from '../../../../shared/contracts/graph.ts'
import type { TensorBytes } from '../../onnx/graph.ts'
import type { GraphAssembly } from '../../onnx/graph-assembly.ts'
import type { Checkpoint } from '../checkpoint.ts'
import type { DecoderArchitecture } from '../decoder-architecture.ts'
import type { MatrixEncodings } from '../matrix-encoding.ts'
import { asHalves } from '../to-float16.ts'

/**
 * What every block needs: where to add nodes, where weights come from, what the model looks like, how matrices are
 * stored.
 */
export interface BlockContext {
  readonly graph: GraphAssembly
  readonly checkpoint: Checkpoint
  readonly architecture: DecoderArchitecture
  /** null: matrices are stored as `floats`. */
  readonly encodings: MatrixEncodings | null
  /** Activations, KV cache, and the weights that are not encoded. */
  readonly floats: GraphFloats
}

/** Adds a weight in the floats of this graph; `bytes` are float32. */
export function addFloats(
  { graph, floats }: BlockContext,
  name: string,
  shape: readonly number[],
  bytes: TensorBytes,
): string {
  return graph.weight(name, floats, shape, floats === 'float32' ? bytes : asHalves(name, bytes))
}

/**
 * `/model/layers.0/mlp` + `weight` -> `model.layers.0.mlp.weight`: initialisers are named after the node that reads
 * them.
 */
export function initialiserName(nodePath: string, name: string): string {
  return `${nodePath.slice(1).replaceAll('/', '.')}.${name}`
}
