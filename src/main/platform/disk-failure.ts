import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'

/**
 * Converts a failed file system call into storage_full or storage_failed; any other value is returned unchanged.
 * @param what the operation that failed, such as `writing the graph`.
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
    return new SwitchboardError(
      'storage_full',
      `the disk is full: ${what} was stopped and its partial output removed`,
      {
        cause: failure,
      },
    )
  return new SwitchboardError('storage_failed', `${what} failed: ${code}`, { cause: failure, details: { errno: code } })
}
