/** Crashes within this time count together. */
const WINDOW_MS = 60_000
const MAX_CRASHES = 5
const FIRST_DELAY_MS = 500
const MAX_DELAY_MS = 8_000

export type RestartDecision =
  | { readonly kind: 'restart'; readonly attempt: number; readonly delayMs: number }
  | { readonly kind: 'stop'; readonly why: string }

/**
 * What to do after a crash: restart after 0.5, 1, 2, 4, then 8 s; stop after five crashes within a minute, or after five
 * in a row before the model was ready, because a model that loads slowly would crash in its load for ever. Pure.
 * @param crashes times of all crashes so far, ms, ascending, the latest included.
 * @param unready crashes since the model was last ready, the latest included.
 */
export function afterCrash(crashes: readonly number[], unready: number): RestartDecision {
  const latest = crashes.at(-1) ?? 0
  const recent = crashes.filter((time) => latest - time < WINDOW_MS).length
  if (recent >= MAX_CRASHES) return { kind: 'stop', why: `stopped ${recent} times within a minute` }
  if (unready >= MAX_CRASHES) return { kind: 'stop', why: `stopped ${unready} times in a row before it was ready` }
  const attempt = Math.max(recent, unready)
  return { kind: 'restart', attempt, delayMs: Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** (attempt - 1)) }
}
