/** Reloads of a crashed page within {@link WINDOW_MS}. */
const MAX_RELOADS = 3
const WINDOW_MS = 60_000

/**
 * Whether to reload a page that crashes now after these earlier crashes, and the crash times to keep. Times are ms of a
 * monotonic clock.
 */
export function afterCrash(
  earlier: readonly number[],
  nowMs: number,
): { readonly reload: boolean; readonly times: readonly number[] } {
  const times = [...earlier.filter((time) => nowMs - time < WINDOW_MS), nowMs]
  return { reload: times.length <= MAX_RELOADS, times }
}
