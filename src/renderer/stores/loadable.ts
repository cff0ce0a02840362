import type { SwitchboardError } from '../../shared/errors/switchboard-error.ts'

/** Something fetched: how far it got, and what is there. A failed reload keeps the earlier value. */
export type Loadable<Value> =
  | { readonly kind: 'loading'; readonly value: Value | null }
  | { readonly kind: 'ready'; readonly value: Value }
  | { readonly kind: 'failed'; readonly value: Value | null; readonly error: SwitchboardError }

export const notLoaded = { kind: 'loading', value: null } as const
