import { assertNever } from '../../shared/base/assert-never.ts'
import type { GraphFloats } from '../../shared/contracts/graph.ts'
import { mapByMatrix } from '../../shared/domain/by-matrix.ts'
import type { Precision } from '../../shared/domain/generation.ts'
import type { MatrixEncoding, MatrixEncodings } from './builder/matrix-encoding.ts'
import { blockScales, packBlocks } from './quantizer/round-to-nearest.ts'
import { quantizationSchemes, type PrecisionScheme, type QuantizationScheme } from './quantizer/scheme.ts'

/** How the builder stores matrices for a precision; null stores all of them as floats ({@link floatsOf}). */
export function encodingsOf(precision: Precision): MatrixEncodings | null {
  switch (precision) {
    case 'fp32':
    case 'fp16':
      return null
    case 'int8':
    case 'int4':
      return encodingsFor(quantizationSchemes[precision])
    default:
      return assertNever(precision, 'encodingsOf')
  }
}

/** How the builder stores matrices by a scheme. */
export function encodingsFor(scheme: PrecisionScheme): MatrixEncodings {
  return mapByMatrix(scheme, (one) => (one === null ? null : roundedToNearest(one)))
}

/** The float type of everything that is not encoded. */
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
