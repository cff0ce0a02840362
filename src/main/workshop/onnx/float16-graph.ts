import { elementType } from './graph-assembly.ts'
import type { GraphNode, OnnxGraph, ValueDeclaration } from './graph.ts'

/**
 * The same graph over the same stored weights, computing in float16 instead of float32. Each weight goes through a Cast,
 * which a runtime folds into a constant when it loads.
 *
 * ```
 * weight (float32) -> Cast -+
 * input (float16) ----------+-> nodes, in float16 -> output (float16)
 *                                                 -> Cast -> output in `keep` (float32)
 * ```
 * @param keep outputs that stay float32.
 */
export function toFloat16Graph(graph: OnnxGraph, keep: readonly string[]): OnnxGraph {
  const weights = graph.initialisers.filter(({ type }) => type === 'float32').map(({ name }) => name)
  const renamed = new Map([...weights, ...keep].map((name) => [name, `${name}.float16`]))
  const inside = (name: string): string => renamed.get(name) ?? name
  const converted = (value: ValueDeclaration): ValueDeclaration =>
    value.type === 'float32' && !keep.includes(value.name) ? { ...value, type: 'float16' } : value
  return {
    ...graph,
    nodes: [
      ...weights.map((name) => cast(name, inside(name), 'float16')),
      ...graph.nodes.map((node) => ({ ...node, inputs: node.inputs.map(inside), outputs: node.outputs.map(inside) })),
      ...keep.map((name) => cast(inside(name), name, 'float32')),
    ],
    inputs: graph.inputs.map(converted),
    outputs: graph.outputs.map(converted),
  }
}

function cast(from: string, to: string, type: 'float32' | 'float16'): GraphNode {
  return {
    name: `/${to}/Cast`,
    operator: 'Cast',
    domain: '',
    inputs: [from],
    outputs: [to],
    attributes: { to: elementType(type) },
  }
}
