/** Receives the fraction done, 0 to 1, and a description of the current step. */
export type OnProgress = (fraction: number, step: string) => void

/** Progress and cancellation of a long operation. */
export interface LongTask {
  readonly onProgress?: OnProgress
  readonly signal?: AbortSignal
}
