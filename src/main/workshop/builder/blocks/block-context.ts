import type { GraphFloats } from '../../../../shared/contracts/graph.ts'
import type { TensorBytes } from '../../onnx/graph.ts'
import type { GraphAssembly } from '../../onnx/graph-assembly.ts'
import type { Checkpoint } from '../checkpoint.ts'
import type { DecoderArchitecture } from '../decoder-architecture.ts'
import type { MatrixEncodings } from '../matrix-encoding.ts'
import { asFloat16 } from '../to-float16.ts'

/** What every block needs: the graph to add to, the weights, the shape of the model and how matrices are stored. */
export interface BlockContext {
  readonly graph: GraphAssembly
  readonly checkpoint: Checkpoint
  readonly architecture: DecoderArchitecture
  readonly encodings: MatrixEncodings
  /** Type of activations, KV cache and the weights that are not encoded. */
  readonly floats: GraphFloats
}

/** A {@link BlockContext} inside one layer. */
export interface LayerContext extends BlockContext {
  /** Counted from 0. */
  readonly layer: number
  /** Prefix of the layer's nodes, such as `/model/layers.0`. */
  readonly path: string
  /** Prefix of the layer's tensors in the checkpoint, such as `model.layers.0`. */
  readonly module: string
}

/** Adds a weight in the floats of this graph; `bytes` are float32. */
export function addFloats(
  { graph, floats }: BlockContext,
  name: string,
  shape: readonly number[],
  bytes: TensorBytes,
): string {
  return graph.weight(name, floats, shape, floats === 'float32' ? bytes : asFloat16(name, bytes))
}

/** `/model/layers.0/mlp` + `weight` -> `model.layers.0.mlp.weight`: initialisers are named after the node that reads them. */
export function initialiserName(nodePath: string, name: string): string {
  return `${nodePath.slice(1).replaceAll('/', '.')}.${name}`
}
