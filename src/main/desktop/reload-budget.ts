/** Reloads of a crashed page that are worth trying within the window of time. */
const MOST = 3
const WINDOW_MS = 60_000

/**
 * Whether a page that crashed now, after these earlier crashes, is loaded again; `times` is what to remember.
 * Times in ms of any monotonic clock.
 */
export function afterCrash(
  earlier: readonly number[],
  nowMs: number,
): { readonly reload: boolean; readonly times: readonly number[] } {
  const times = [...earlier.filter((time) => nowMs - time < WINDOW_MS), nowMs]
  return { reload: times.length <= MOST, times }
}
