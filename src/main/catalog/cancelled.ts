import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'

export function cancelled(cause?: unknown): SwitchboardError {
  return new SwitchboardError(
    'cancelled',
    'The work was stopped; nothing was left half done.',
    cause === undefined ? {} : { cause },
  )
}

/** @throws SwitchboardError cancelled */
export function throwIfCancelled(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw cancelled(signal.reason)
}
