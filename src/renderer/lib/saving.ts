import type { SwitchboardError } from '../../shared/errors/switchboard-error.ts'

/** How far a change has got that is saved as it is made. */
export type Saving =
  | { readonly kind: 'idle' }
  | { readonly kind: 'saving' }
  | { readonly kind: 'saved' }
  | { readonly kind: 'failed'; readonly error: SwitchboardError }
