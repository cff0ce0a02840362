import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'

/**
 * Any thrown value as an error that can be shown. The client throws nothing but {@link SwitchboardError}; the rest is
 * ours.
 */
export function shownError(thrown: unknown): SwitchboardError {
  return thrown instanceof SwitchboardError
    ? thrown
    : new SwitchboardError('internal', thrown instanceof Error ? thrown.message : String(thrown), { cause: thrown })
}
