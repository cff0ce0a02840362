import type { EngineState, EngineStats } from '../../shared/domain/engine.ts'

/** What the engines of all loaded models say, as far as programs and the operator's monitoring ask. */
export interface EngineOverview {
  /** Of the default model; `off` where it is not loaded. */
  readonly standard: EngineState
  /** Of every model that is loaded, on its way or failed. */
  readonly all: readonly EngineState[]
}

/**
 * The state that answers for the whole endpoint: the default model's. Where that model is not loaded because another one
 * took its memory, the best of the others: it loads again when it is asked for.
 */
export function overallState({ standard, all }: EngineOverview): EngineState {
  if (standard.kind !== 'off') return standard
  return all.find(({ kind }) => kind === 'ready') ?? all[0] ?? standard
}

/** Counts of all engines together. */
export function totals(
  states: readonly EngineState[],
): Pick<EngineStats, 'running' | 'waiting' | 'freeSlots' | 'steps' | 'tokensPerSecond'> {
  const sum = { running: 0, waiting: 0, freeSlots: 0, steps: 0, tokensPerSecond: 0 }
  for (const state of states) {
    if (state.kind !== 'ready') continue
    sum.running += state.stats.running
    sum.waiting += state.stats.waiting
    sum.freeSlots += state.stats.freeSlots
    sum.steps += state.stats.steps
    sum.tokensPerSecond += state.stats.tokensPerSecond
  }
  return sum
}
