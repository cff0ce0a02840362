/**
 * An ONNX graph as plain data. Knows tensors, nodes and initialisers; knows no language model.
 * Specification: https://github.com/onnx/onnx/blob/main/docs/IR.md
 */

export type ElementType = 'float32' | 'float16' | 'uint8' | 'int8' | 'int32' | 'int64'

export const elementBytes: Readonly<Record<ElementType, number>> = {
  float32: 4,
  float16: 2,
  uint8: 1,
  int8: 1,
  int32: 4,
  int64: 8,
}

/** A fixed extent, or the name of one that is known when the graph runs. */
export type Dimension = number | string

export interface ValueDeclaration {
  readonly name: string
  readonly type: ElementType
  readonly dimensions: readonly Dimension[]
}

export type AttributeValue =
  | { readonly kind: 'int'; readonly value: number }
  | { readonly kind: 'float'; readonly value: number }
  | { readonly kind: 'type'; readonly value: ElementType }

export interface GraphNode {
  readonly name: string
  readonly operator: string
  /** Empty for the standard operators. */
  readonly domain: '' | 'com.microsoft'
  /** An empty string omits an optional input. */
  readonly inputs: readonly string[]
  /** An empty string omits an optional output. */
  readonly outputs: readonly string[]
  readonly attributes: Readonly<Record<string, AttributeValue>>
}

/** The bytes of one tensor, little-endian and row-major, in pieces. A piece is valid until the next one is requested. */
export type TensorBytes = () => AsyncIterable<Uint8Array>

/**
 * A constant tensor. Small ones are part of the graph file, weights are streamed into the external data file. A view
 * gives the bytes of an earlier weight another shape, so that two operators can share one stored matrix.
 */
export type Initialiser = {
  readonly name: string
  readonly type: ElementType
  readonly dimensions: readonly number[]
} & (
  | { readonly kind: 'inline'; readonly bytes: Uint8Array }
  | { readonly kind: 'external'; readonly bytes: TensorBytes }
  | { readonly kind: 'view'; readonly of: string }
)

export interface OnnxGraph {
  readonly name: string
  readonly producer: string
  /** Operator set version by domain; the empty domain has the standard operators. */
  readonly operatorSets: Readonly<Record<string, number>>
  readonly nodes: readonly GraphNode[]
  readonly initialisers: readonly Initialiser[]
  readonly inputs: readonly ValueDeclaration[]
  readonly outputs: readonly ValueDeclaration[]
}

/** Length in bytes of a tensor of this type and shape. */
export function tensorByteLength(type: ElementType, dimensions: readonly number[]): number {
  return dimensions.reduce((product, extent) => product * extent, elementBytes[type])
}
