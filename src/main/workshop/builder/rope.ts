import { assertNever } from '../../../shared/base/assert-never.ts'
import type { TensorBytes } from '../onnx/graph.ts'
import type { RopeScheme } from './decoder-architecture.ts'
import { refuseField, type ModelConfig } from './model-config.ts'

/** Base of the frequencies where config.json gives none. RoFormer, Su et al. 2021. */
const DEFAULT_THETA = 10_000

/**
 * Reads the rope description of either generation of config.json.
 * @throws SwitchboardError model_unsupported for other schemes (dynamic, yarn, longrope) and for partial rotation.
 */
export function ropeScheme(config: ModelConfig, maxPositions: number): RopeScheme {
  const field = config.rope_parameters ? 'rope_parameters' : 'rope_scaling'
  const description = config.rope_parameters ?? config.rope_scaling ?? {}
  const theta = description.rope_theta ?? config.rope_theta ?? DEFAULT_THETA
  const partial = description.partial_rotary_factor ?? config.partial_rotary_factor ?? 1
  if (partial !== 1) refuseField('partial_rotary_factor', partial, 'only whole heads can be rotated')
  const kind = description.rope_type ?? description.type ?? 'default'
  const required = (name: 'factor' | 'low_freq_factor' | 'high_freq_factor'): number =>
    description[name] ?? refuseField(`${field}.${name}`, 'missing', `rope type ${kind} needs it`)
  switch (kind) {
    case 'default':
      return { kind, theta }
    case 'linear':
      return { kind, theta, factor: required('factor') }
    case 'llama3':
      return {
        kind,
        theta,
        factor: required('factor'),
        lowFreqFactor: required('low_freq_factor'),
        highFreqFactor: required('high_freq_factor'),
        originalMaxPositions: description.original_max_position_embeddings ?? maxPositions,
      }
    default:
      return refuseField(`${field}.rope_type`, kind, 'supported: default, linear, llama3')
  }
}

/**
 * Angle per position for each pair of a head, `[headDim / 2]`. Rounded to float32 at every step like the reference: at
 * thousands of positions the last bit of a frequency changes the angle visibly.
 * transformers, modeling_rope_utils.py: default, _compute_linear_scaling_rope_parameters, _compute_llama3_parameters.
 */
export function rotaryFrequencies(scheme: RopeScheme, headDim: number): Float32Array {
  const f = Math.fround
  const plain = Float32Array.from({ length: headDim / 2 }, (_, pair) =>
    f(1 / f(scheme.theta ** f((2 * pair) / headDim))),
  )
  switch (scheme.kind) {
    case 'default':
      return plain
    case 'linear':
      return plain.map((frequency) => frequency / scheme.factor)
    case 'llama3': {
      const { factor, lowFreqFactor, highFreqFactor, originalMaxPositions } = scheme
      const longest = originalMaxPositions / lowFreqFactor
      const shortest = originalMaxPositions / highFreqFactor
      return plain.map((frequency) => {
        const wavelength = f((2 * Math.PI) / frequency)
        if (wavelength > longest) return frequency / factor
        if (wavelength < shortest) return frequency
        const smooth = f(f(f(originalMaxPositions / wavelength) - lowFreqFactor) / (highFreqFactor - lowFreqFactor))
        return f(f(f(1 - smooth) * frequency) / factor) + f(smooth * frequency)
      })
    }
    default:
      return assertNever(scheme, 'rotaryFrequencies')
  }
}

/** The table `[positions, headDim / 2]` of `wave(position * frequency)`, streamed in blocks of rows. */
export function rotaryTable(
  frequencies: Float32Array,
  positions: number,
  wave: (angle: number) => number,
): TensorBytes {
  const width = frequencies.length
  const rowsPerBlock = Math.max(1, Math.floor((1 << 20) / width))
  return async function* () {
    for (let first = 0; first < positions; first += rowsPerBlock) {
      const rows = Math.min(rowsPerBlock, positions - first)
      const block = new Float32Array(rows * width)
      for (let row = 0; row < rows; row++) {
        for (let pair = 0; pair < width; pair++)
          block[row * width + pair] = wave(Math.fround((first + row) * (frequencies[pair] ?? 0)))
      }
      yield new Uint8Array(block.buffer)
    }
  }
}
