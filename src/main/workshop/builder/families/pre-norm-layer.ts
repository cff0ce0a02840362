import { makeAttention, makeRotaryTables } from '../blocks/attention.ts'
import type { BlockContext, LayerContext } from '../blocks/block-context.ts'
import { makeMlp } from '../blocks/mlp.ts'
import { makeNorm } from '../blocks/norm.ts'
import type { MakeLayer } from './family.ts'

/**
 * The layer of Llama and its relatives, with one pair of rotary tables for all layers:
 *
 * ```
 * stream -+-> norm -> attention -> + -+-> norm -> MLP -> +
 *         +------- residual -------^  +---- residual ----^
 * ```
 */
export function preNormLayers(context: BlockContext): MakeLayer {
  const rotary = makeRotaryTables(context)
  return (layer: LayerContext, stream) => {
    const { path, module } = layer
    // The dot keeps graphs byte for byte what GRAPH_VERSION 3 stands for; a slash is right once the version changes.
    const firstPath = stream.pending === null ? `${path}/input_layernorm` : `${path}.input_layernorm`
    const first = makeNorm(layer, firstPath, stream, `${module}.input_layernorm`)
    const attended = { residual: first.residual, pending: makeAttention(layer, first.normalised, rotary) }
    const second = makeNorm(layer, `${path}/post_attention_layernorm`, attended, `${module}.post_attention_layernorm`)
    return { residual: second.residual, pending: makeMlp(layer, second.normalised) }
  }
}
