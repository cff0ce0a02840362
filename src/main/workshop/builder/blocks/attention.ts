import { graphInputs, graphOutputs } from '../../../../shared/contracts/graph.ts'
import { float, int } from '../../onnx/graph-assembly.ts'
import { rotaryFrequencies, rotaryTable } from '../rope.ts'
import { addFloats, type BlockContext } from './block-context.ts'
import { makeLinear } from './linear.ts'

export interface RotaryTables {
  readonly cos: string
  readonly sin: string
}

/**
 * The tables [maxPositions, headDim / 2] that all layers share.
 *
 * They carry the scale of attention, headDim^-1/2: queries and keys each come out of the rotation times headDim^-1/4.
 * The
 * operator then has no scale to apply, and the runtime's CPU kernels multiply one row by a matrix without packing the
 * matrix
 * first, which they do for products that are not scaled only (MLAS, sgemm.cpp).
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
 * Causal attention with grouped key/value heads (Ainslie et al. 2023) over the cache, rotary embedding inside the
 * operator.
 *
 * ```
 *                                   past key, value   [batch, kvHeads, maxLength, headDim]
 *                                          |
 * input -> qkv_proj [.., (heads + 2 kvHeads) * headDim] -> GroupQueryAttention -> o_proj -> [.., hidden]
 *                                          |
 *                                   present key, value: the runtime binds the buffers of the past
 * ```
 */
export function makeAttention(context: BlockContext, layer: number, input: string, rotary: RotaryTables): string {
  const { graph, architecture, floats } = context
  const { hiddenSize, heads, kvHeads, headDim } = architecture
  const path = `/model/layers.${layer}/attn`
  const module = `model.layers.${layer}.self_attn`
  const qkv = makeLinear(
    context,
    `${path}/qkv_proj`,
    input,
    hiddenSize,
    [
      { module: `${module}.q_proj`, outputs: heads * headDim },
      { module: `${module}.k_proj`, outputs: kvHeads * headDim },
      { module: `${module}.v_proj`, outputs: kvHeads * headDim },
    ],
    architecture.qkvBias,
  )
  const cacheShape = ['batch', kvHeads, 'max_length', headDim] as const
  const pastKey = graph.input({ name: graphInputs.pastKey(layer), type: floats, dimensions: cacheShape })
  const pastValue = graph.input({ name: graphInputs.pastValue(layer), type: floats, dimensions: cacheShape })
  const name = `${path}/GroupQueryAttention`
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
  return makeLinear(
    context,
    `${path}/o_proj`,
    attended,
    heads * headDim,
    [{ module: `${module}.o_proj`, outputs: hiddenSize }],
    architecture.outputBias,
  )
}
