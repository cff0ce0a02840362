import { elementType } from './graph-assembly.ts'
import type { GraphNode, OnnxGraph, ValueDeclaration } from './graph.ts'

/**
 * The same graph, over the same stored weights, computing in half precision: what was float32 is float16. The weights
 * stay as
 * they are stored and each goes through a Cast, which a runtime works out once when it loads.
 *
 * ```
 * weight (float32) -> Cast -+
 * input (float16) ----------+-> nodes, in float16 -> output (float16)
 *                                                 -> Cast -> output that is kept (float32)
 * ```
 * @param kept outputs that stay float32.
 */
export function inHalves(graph: OnnxGraph, kept: readonly string[]): OnnxGraph {
  const weights = graph.initialisers.filter(({ type }) => type === 'float32').map(({ name }) => name)
  const renamed = new Map([...weights, ...kept].map((name) => [name, `${name}.float16`]))
  const inside = (name: string): string => renamed.get(name) ?? name
  const half = (value: ValueDeclaration): ValueDeclaration =>
    value.type === 'float32' && !kept.includes(value.name) ? { ...value, type: 'float16' } : value
  return {
    ...graph,
    nodes: [
      ...weights.map((name) => cast(name, inside(name), 'float16')),
      ...graph.nodes.map((node) => ({ ...node, inputs: node.inputs.map(inside), outputs: node.outputs.map(inside) })),
      ...kept.map((name) => cast(inside(name), name, 'float32')),
    ],
    inputs: graph.inputs.map(half),
    outputs: graph.outputs.map(half),
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
