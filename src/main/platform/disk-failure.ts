import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'

/**
 * A failed call to the file system as an error a person can be shown; everything else is returned as it is.
 * @param what what was being done, such as `writing the graph`.
 */
export function diskFailure(failure: unknown, what: string): unknown {
  if (
    failure instanceof SwitchboardError ||
    !(failure instanceof Error) ||
    !('syscall' in failure) ||
    !('code' in failure)
  )
    return failure
  const code = String(failure.code)
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new SwitchboardError('storage_full', `the disk is full: ${what} was given up, nothing of it was kept`, {
      cause: failure,
    })
  return new SwitchboardError('storage_failed', `${what} failed: ${code}`, { cause: failure, details: { errno: code } })
}
