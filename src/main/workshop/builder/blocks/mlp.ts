import { int } from '../../onnx/graph-assembly.ts'
import type { LayerContext } from './block-context.ts'
import { makeLinear } from './linear.ts'

/**
 * Gated SiLU MLP (SwiGLU, Shazeer 2020): down(silu(gate(x)) * up(x)).
 *
 * ```
 *                       +-> gate -> Sigmoid -+
 *                       |     |              v
 * input -> gate_up_proj |     +-----------> Mul -> Mul -> down_proj -> [.., hidden]
 *             (Split)   +-> up ---------------------^
 * ```
 */
export function makeMlp(context: LayerContext, input: string): string {
  const { graph, architecture } = context
  const { hiddenSize, intermediateSize, mlpBias } = architecture
  const path = `${context.path}/mlp`
  const module = `${context.module}.mlp`
  const both = makeLinear(context, `${path}/gate_up_proj`, input, {
    inputs: hiddenSize,
    sources: [
      { role: 'gate', module: `${module}.gate_proj`, outputs: intermediateSize },
      { role: 'up', module: `${module}.up_proj`, outputs: intermediateSize },
    ],
    bias: mlpBias,
  })
  const [gate, up] = [`${path}/gate_up_proj/gate`, `${path}/gate_up_proj/up`]
  graph.node(`${path}/gate_up_proj/Split`, 'Split', [both], {
    outputs: [gate, up],
    attributes: { axis: int(-1), num_outputs: int(2) },
  })
  const sigmoid = graph.node(`${path}/act/Sigmoid`, 'Sigmoid', [gate])
  const activated = graph.node(`${path}/act/Mul`, 'Mul', [gate, sigmoid])
  const gated = graph.node(`${path}/Mul`, 'Mul', [activated, up])
  return makeLinear(context, `${path}/down_proj`, gated, {
    inputs: intermediateSize,
    sources: [{ role: 'down', module: `${module}.down_proj`, outputs: hiddenSize }],
    bias: mlpBias,
  })
}
