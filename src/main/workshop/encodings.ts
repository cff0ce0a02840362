import { assertNever } from '../../shared/base/assert-never.ts'
import type { GraphFloats } from '../../shared/contracts/graph.ts'
import type { Precision } from '../../shared/domain/generation.ts'
import type { MatrixEncoding, MatrixEncodings } from './builder/matrix-encoding.ts'
import { blockScales, packBlocks } from './quantizer/round-to-nearest.ts'
import { quantizationSchemes, type QuantizationScheme } from './quantizer/scheme.ts'

/**
 * How the builder stores matrices for a precision; null is plain numbers ({@link floatsOf}).
 */
export function encodingsOf(precision: Precision): MatrixEncodings | null {
  switch (precision) {
    case 'fp32':
    case 'fp16':
      return null
    case 'int8':
    case 'int4': {
      const { layers, vocabulary } = quantizationSchemes[precision]
      return { layers: roundedToNearest(layers), vocabulary: roundedToNearest(vocabulary) }
    }
    default:
      return assertNever(precision, 'encodingsOf')
  }
}

/** Numbers that everything is stored in which is not encoded. */
export function floatsOf(precision: Precision): GraphFloats {
  return precision === 'fp16' ? 'float16' : 'float32'
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
