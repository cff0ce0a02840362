/** A decoder as the shared blocks see it; families translate config.json into this. */
export interface DecoderArchitecture {
  readonly family: string
  readonly layers: number
  readonly hiddenSize: number
  /** Query heads; a multiple of kvHeads. */
  readonly heads: number
  readonly kvHeads: number
  /** Width of one head; heads * headDim may differ from hiddenSize. */
  readonly headDim: number
  /** Width of the gated MLP. */
  readonly intermediateSize: number
  readonly vocabularySize: number
  /** Positions of the rotary tables: the longest context. */
  readonly maxPositions: number
  readonly normEpsilon: number
  readonly rope: RopeScheme
  /** The head shares the matrix of the embedding. */
  readonly tiedHead: boolean
  readonly qkvBias: boolean
  readonly outputBias: boolean
  readonly mlpBias: boolean
}

/** Rotary position embedding; theta is the base of the frequencies. */
export type RopeScheme =
  | { readonly kind: 'default'; readonly theta: number }
  | { readonly kind: 'linear'; readonly theta: number; readonly factor: number }
  | {
      readonly kind: 'llama3'
      readonly theta: number
      readonly factor: number
      readonly lowFreqFactor: number
      readonly highFreqFactor: number
      readonly originalMaxPositions: number
    }
