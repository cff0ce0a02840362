/**
 * How weights become small integers, as data. Each row of a matrix is cut into blocks of `blockSize` columns; a block
 * has one
 * float32 scale, a weight is (code - 2^(bits - 1)) * scale.
 */
export interface QuantizationScheme {
  readonly bits: 4 | 8
  /** Columns that share a scale: a power of two, at least 16. The last block of a row may be filled up. */
  readonly blockSize: number
}

/** The linear layers, and the matrices with one row a token: embedding and head. */
export interface PrecisionScheme {
  readonly layers: QuantizationScheme
  readonly vocabulary: QuantizationScheme
}

/**
 * The schemes of the precisions people choose from. Blocks of 32 keep a rounded model closest to its source; larger
 * ones
 * decode up to a tenth faster and lose a little more. Embedding and head share one matrix in most small models, so both
 * are
 * stored alike.
 */
export const quantizationSchemes = {
  int4: { layers: { bits: 4, blockSize: 32 }, vocabulary: { bits: 4, blockSize: 32 } },
  int8: { layers: { bits: 8, blockSize: 32 }, vocabulary: { bits: 8, blockSize: 32 } },
} as const satisfies Readonly<Record<string, PrecisionScheme>>

/** Blocks of a row of `width` weights. */
export function blocksPerRow(width: number, { blockSize }: QuantizationScheme): number {
  return Math.ceil(width / blockSize)
}

/** Bytes of one packed block. */
export function packedBlockBytes({ bits, blockSize }: QuantizationScheme): number {
  return (blockSize * bits) / 8
}
