/** Crashes within this time count together. */
const WINDOW_MS = 60_000
const MAX_CRASHES = 5
const FIRST_DELAY_MS = 500
const LONGEST_DELAY_MS = 8_000

export type RestartDecision =
  | { readonly kind: 'restart'; readonly attempt: number; readonly delayMs: number }
  | { readonly kind: 'stop'; readonly crashes: number }

/**
 * What to do after a crash: wait 0.5, 1, 2, 4, then 8 s; stop after five crashes within a minute. Pure.
 * @param crashes times of all crashes so far, ms, ascending, the latest included.
 */
export function afterCrash(crashes: readonly number[]): RestartDecision {
  const latest = crashes.at(-1) ?? 0
  const recent = crashes.filter((time) => latest - time < WINDOW_MS).length
  if (recent >= MAX_CRASHES) return { kind: 'stop', crashes: recent }
  return { kind: 'restart', attempt: recent, delayMs: Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (recent - 1)) }
}
