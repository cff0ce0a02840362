import type { AppStatus } from '../../../../shared/domain/status.ts'

/** What a question waits for before the first word of its reply. */
export type WaitingFor =
  | { readonly kind: 'first word' }
  /** The model is on its way into memory; `percent` while its files are prepared. */
  | { readonly kind: 'model'; readonly name: string; readonly percent: number | null }
  /** Every slot is taken. `waiting` counts this question. */
  | { readonly kind: 'slot'; readonly running: number; readonly waiting: number }

/** Reads from the status what the question to this model waits for; a model that is not named is the default one. */
export function waitingFor(status: AppStatus | null, model: string | null): WaitingFor {
  const name = model ?? status?.defaultModel ?? ''
  const state = status?.models.find((candidate) => candidate.model === name)?.state
  switch (state?.kind) {
    case 'preparing':
      return { kind: 'model', name, percent: Math.round(state.progress * 100) }
    case 'off':
    case 'starting':
    case 'loading':
    case 'restarting':
      return { kind: 'model', name, percent: null }
    case 'ready': {
      const { freeSlots, running, waiting } = state.stats
      return freeSlots === 0 && waiting > 0 ? { kind: 'slot', running, waiting } : { kind: 'first word' }
    }
    case 'failed':
    case undefined:
      return { kind: 'first word' }
  }
}
