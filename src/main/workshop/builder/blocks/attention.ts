import { graphInputs, graphOutputs } from '../../../../shared/contracts/graph.ts'
import { float, int } from '../../onnx/graph-assembly.ts'
import { rotaryFrequencies, rotaryTable } from '../rope.ts'
import { addFloats, type BlockContext, type LayerContext } from './block-context.ts'
import { makeLinear } from './linear.ts'

export interface RotaryTables {
  readonly cos: string
  readonly sin: string
}

/**
 * The cosines and sines [maxPositions, headDim / 2].
 *
 * They carry the scale of attention, headDim^-1/2: queries and keys each leave the rotation multiplied by headDim^-1/4.
 * The operator then has no scale to apply, and the runtime's CPU kernels multiply one row by a matrix without packing the
 * matrix first, which they do only for unscaled products (MLAS, sgemm.cpp).
 */
export function makeRotaryTables(context: BlockContext): RotaryTables {
  const { rope, headDim, maxPositions } = context.architecture
  const frequencies = rotaryFrequencies(rope, headDim)
  const shape = [maxPositions, headDim / 2]
  const amplitude = headDim ** -0.25
  return {
    cos: addFloats(
      context,
      'model.rotary.cos',
      shape,
      rotaryTable(frequencies, maxPositions, (angle) => amplitude * Math.cos(angle)),
    ),
    sin: addFloats(
      context,
      'model.rotary.sin',
      shape,
      rotaryTable(frequencies, maxPositions, (angle) => amplitude * Math.sin(angle)),
    ),
  }
}

/**
 * Self-attention with its four projections.
 *
 * ```
 * input -> qkv_proj [.., (heads + 2 kvHeads) * headDim] -> GroupQueryAttention -> o_proj -> [.., hidden]
 * ```
 */
export function makeAttention(context: LayerContext, input: string, rotary: RotaryTables): string {
  const { architecture } = context
  const { hiddenSize, heads, kvHeads, headDim } = architecture
  const path = `${context.path}/attn`
  const module = `${context.module}.self_attn`
  const qkv = makeLinear(context, `${path}/qkv_proj`, input, {
    inputs: hiddenSize,
    sources: [
      { role: 'q', module: `${module}.q_proj`, outputs: heads * headDim },
      { role: 'k', module: `${module}.k_proj`, outputs: kvHeads * headDim },
      { role: 'v', module: `${module}.v_proj`, outputs: kvHeads * headDim },
    ],
    bias: architecture.qkvBias,
  })
  return makeLinear(
    context,
    `${path}/o_proj`,
    makeCachedAttention(context, `${path}/GroupQueryAttention`, qkv, rotary),
    {
      inputs: heads * headDim,
      sources: [{ role: 'o', module: `${module}.o_proj`, outputs: hiddenSize }],
      bias: architecture.outputBias,
    },
  )
}

/**
 * Causal attention with grouped key/value heads (Ainslie et al. 2023) over the KV cache, rotary embedding inside the
 * operator. The runtime binds past and present to the same buffers.
 *
 * ```
 *             past key, value   [batch, kvHeads, maxLength, headDim]
 *                    |
 * qkv -> GroupQueryAttention -> [.., heads * headDim]
 *                    |
 *             present key, value
 * ```
 */
function makeCachedAttention(context: LayerContext, name: string, qkv: string, rotary: RotaryTables): string {
  const { graph, architecture, floats, layer } = context
  const { heads, kvHeads, headDim } = architecture
  const cacheShape = ['batch', kvHeads, 'max_length', headDim] as const
  const pastKey = graph.input({ name: graphInputs.pastKey(layer), type: floats, dimensions: cacheShape })
  const pastValue = graph.input({ name: graphInputs.pastValue(layer), type: floats, dimensions: cacheShape })
  const attended = graph.node(
    name,
    'GroupQueryAttention',
    [qkv, '', '', pastKey, pastValue, graphInputs.seqlensK, graphInputs.totalSequenceLength, rotary.cos, rotary.sin],
    {
      domain: 'com.microsoft',
      outputs: [`${name}/output_0`, graphOutputs.presentKey(layer), graphOutputs.presentValue(layer)],
      attributes: {
        num_heads: int(heads),
        kv_num_heads: int(kvHeads),
        do_rotary: int(1),
        rotary_interleaved: int(0),
        scale: float(1),
      },
    },
  )
  graph.output({ name: graphOutputs.presentKey(layer), type: floats, dimensions: cacheShape })
  graph.output({ name: graphOutputs.presentValue(layer), type: floats, dimensions: cacheShape })
  return attended
}
