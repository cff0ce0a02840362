/** What a weight matrix does in a decoder. */
export type MatrixRole = 'q' | 'k' | 'v' | 'o' | 'gate' | 'up' | 'down' | 'embedding' | 'head'

/** One weight matrix of a decoder. */
export interface MatrixId {
  readonly role: MatrixRole
  /** Counted from 0; null for embedding and head. */
  readonly layer: number | null
}

/** A value for every matrix, as data: "layer 3's down projection at 8 bits" is one exception. */
export interface ByMatrix<Value> {
  readonly standard: Value
  /** The first that matches applies; one without `role` or `layer` matches all of them. */
  readonly exceptions: readonly MatrixException<Value>[]
}

interface MatrixException<Value> {
  readonly role?: MatrixRole
  readonly layer?: number
  readonly value: Value
}

export function valueFor<Value>({ standard, exceptions }: ByMatrix<Value>, { role, layer }: MatrixId): Value {
  const exception = exceptions.find(
    (candidate) => (candidate.role ?? role) === role && (candidate.layer ?? layer) === layer,
  )
  return exception === undefined ? standard : exception.value
}

/** The same exceptions with other values. */
export function mapByMatrix<From, To>(values: ByMatrix<From>, map: (value: From) => To): ByMatrix<To> {
  return {
    standard: map(values.standard),
    exceptions: values.exceptions.map((exception) => ({ ...exception, value: map(exception.value) })),
  }
}
