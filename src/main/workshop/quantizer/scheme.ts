import type { ByMatrix } from '../../../shared/domain/by-matrix.ts'

/**
 * How weights become small integers, as data. Each row of a matrix is cut into blocks of `blockSize` columns; a block has
 * one float32 scale, and a weight is (code - 2^(bits - 1)) * scale.
 */
export interface QuantizationScheme {
  readonly bits: 4 | 8
  /** Columns that share a scale: a power of two, at least 16. The last block of a row may be padded. */
  readonly blockSize: number
}

/** The scheme of every matrix; null keeps floats. */
export type PrecisionScheme = ByMatrix<QuantizationScheme | null>

/**
 * The schemes of the precisions people choose from. Blocks of 32 keep a rounded model closest to its source; larger
 * blocks decode up to a tenth faster and lose a little more. Embedding and head are rounded like the layers: most small
 * models store them once for both.
 */
export const quantizationSchemes = {
  int4: { standard: { bits: 4, blockSize: 32 }, exceptions: [] },
  int8: { standard: { bits: 8, blockSize: 32 }, exceptions: [] },
} as const satisfies Readonly<Record<string, PrecisionScheme>>

/** Blocks of a row of `width` weights. */
export function blocksPerRow(width: number, { blockSize }: QuantizationScheme): number {
  return Math.ceil(width / blockSize)
}

/** Bytes of one packed block. */
export function packedBlockBytes({ bits, blockSize }: QuantizationScheme): number {
  return (blockSize * bits) / 8
}
