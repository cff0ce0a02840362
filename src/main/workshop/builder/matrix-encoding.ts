import type { ByMatrix } from '../../../shared/domain/by-matrix.ts'

/**
 * How a matrix is stored when not as floats: as small codes with one scale per block of columns, the form that the
 * operators MatMulNBits and GatherBlockQuantized read. The builder only places the codes; the functions that compute
 * them are passed in.
 */
export interface MatrixEncoding {
  readonly bits: 4 | 8
  /** Columns that share a scale. */
  readonly blockSize: number
  /**
   * MatMulNBits `accuracy_level`: how its CPU kernel may round activations; 1 keeps float32, 4 rounds blocks of them to
   * int8.
   */
  readonly accuracyLevel: 1 | 4
  /** Scales `[rows, blocks]` of finite values `[rows, width]`. */
  readonly scales: (values: Float32Array, width: number) => Float32Array
  /** Codes `[rows, blocks, blockSize * bits / 8]` of the same values. */
  readonly codes: (values: Float32Array, width: number) => Uint8Array
}

/** The encoding of every matrix; null stores floats. A head that is tied to the embedding shares its encoding. */
export type MatrixEncodings = ByMatrix<MatrixEncoding | null>

export const plainMatrices: MatrixEncodings = { standard: null, exceptions: [] }
