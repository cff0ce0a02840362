/**
 * Why there is no connection. `unreachable`: nothing answers; `closing`: the program is ending; `crowded`: no further
 * window may open.
 */
export type LostReason = 'unreachable' | 'closing' | 'crowded'

/**
 * How the window stands with the program behind it. `missing-key`: opened in a browser without the key; `refused`: the
 * key is not the one of the running program; `lost`: trying again at `retryAt` (ms since the epoch).
 */
export type ConnectionState =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'open' }
  | { readonly kind: 'lost'; readonly reason: LostReason; readonly attempt: number; readonly retryAt: number }
  | { readonly kind: 'missing-key' }
  | { readonly kind: 'refused' }
