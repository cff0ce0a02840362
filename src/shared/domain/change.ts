/**
 * What changed in the stored data, for every window and every process to look at again. A change says what to fetch,
 * never the data itself. `everything`: another process wrote, or changes were missed.
 */
export type Change =
  | { readonly kind: 'conversations'; readonly id: string | null }
  | { readonly kind: 'assistants' | 'models' | 'jobs' | 'settings' | 'keys' | 'everything' }
