import type { CancelSignal } from '../base/cancel-signal.ts'
import { SwitchboardError } from './switchboard-error.ts'

/** The error of work that was stopped from outside. */
export function cancelled(
  cause?: unknown,
  message = 'The work was stopped; nothing was left half done.',
): SwitchboardError {
  return new SwitchboardError('cancelled', message, cause === undefined ? {} : { cause })
}

/** @throws SwitchboardError cancelled */
export function throwIfCancelled(signal: CancelSignal | undefined): void {
  if (signal?.aborted === true) throw cancelled(signal.reason)
}
