/** The part of AbortSignal that the ground floor may use, where neither DOM nor Node types exist. */
export interface CancelSignal {
  readonly aborted: boolean
  readonly reason: unknown
  addEventListener(type: 'abort', listener: () => void, options?: { readonly once?: boolean }): void
  removeEventListener(type: 'abort', listener: () => void): void
}

/**
 * The outcome of `work`, or `error()` thrown as soon as the signal aborts. The work itself goes on: whoever can stop it
 * listens to the same signal.
 */
export async function raceAbort<Result>(
  work: Promise<Result>,
  signal: CancelSignal,
  error: () => unknown,
): Promise<Result> {
  let leave: () => void = () => undefined
  const aborted = new Promise<never>((_resolve, reject) => {
    leave = () => reject(error())
  })
  if (signal.aborted) leave()
  else signal.addEventListener('abort', leave, { once: true })
  try {
    return await Promise.race([work, aborted])
  } finally {
    signal.removeEventListener('abort', leave)
  }
}
