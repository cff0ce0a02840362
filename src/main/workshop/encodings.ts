import type { GraphDescription } from '../../shared/contracts/graph.ts'
import { assertNever } from '../../shared/base/assert-never.ts'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import type { MatrixEncoding, MatrixEncodings } from './builder/matrix-encoding.ts'
import { blockScales, packBlocks } from './quantizer/round-to-nearest.ts'
import { quantizationSchemes, type QuantizationScheme } from './quantizer/scheme.ts'

/**
 * How the builder stores matrices for a precision; null is float32.
 * @throws SwitchboardError model_unsupported for fp16.
 */
export function encodingsOf(precision: GraphDescription['precision']): MatrixEncodings | null {
  switch (precision) {
    case 'fp32':
      return null
    case 'fp16':
      throw new SwitchboardError('model_unsupported', 'precision fp16 needs half-precision activations and cache, which the engine does not run yet; fp32, int8 and int4 are available', { param: 'precision', details: { precision } })
    case 'int8':
    case 'int4': {
      const { layers, vocabulary } = quantizationSchemes[precision]
      return { layers: roundedToNearest(layers), vocabulary: roundedToNearest(vocabulary) }
    }
    default:
      return assertNever(precision, 'encodingsOf')
  }
}

function roundedToNearest(scheme: QuantizationScheme): MatrixEncoding {
  const { bits, blockSize } = scheme
  return {
    bits,
    blockSize,
    accuracyLevel: 4,
    scales: (values, width) => blockScales(values, width, scheme),
    codes: (values, width) => packBlocks(values, width, scheme),
  }
}
