import type { GraphAssembly } from '../../onnx/graph-assembly.ts'
import type { Checkpoint } from '../checkpoint.ts'
import type { DecoderArchitecture } from '../decoder-architecture.ts'
import type { MatrixEncodings } from '../matrix-encoding.ts'

/** What every block needs: where to add nodes, where weights come from, what the model looks like, how matrices are stored. */
export interface BlockContext {
  readonly graph: GraphAssembly
  readonly checkpoint: Checkpoint
  readonly architecture: DecoderArchitecture
  /** null: matrices stay float32. */
  readonly encodings: MatrixEncodings | null
}

/** `/model/layers.0/mlp` + `weight` -> `model.layers.0.mlp.weight`: initialisers are named after the node that reads them. */
export function initialiserName(nodePath: string, name: string): string {
  return `${nodePath.slice(1).replaceAll('/', '.')}.${name}`
}
