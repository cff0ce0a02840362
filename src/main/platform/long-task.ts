/** Called with the fraction done, 0 to 1, and the present step in plain words. */
export type OnProgress = (fraction: number, step: string) => void

/** How a caller follows and stops work that takes a while. */
export interface LongTask {
  readonly onProgress?: OnProgress
  readonly signal?: AbortSignal
}
