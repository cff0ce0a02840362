/**
 * How matrices are stored when not as float32: as small codes with one scale for a block of columns, the form that the
 * operators MatMulNBits and GatherBlockQuantized read. The builder places the codes, it does not choose them: whoever
 * composes it hands the encoding in.
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

/** The linear layers, and the matrices with one row a token: embedding and head. */
export interface MatrixEncodings {
  readonly layers: MatrixEncoding
  readonly vocabulary: MatrixEncoding
}
