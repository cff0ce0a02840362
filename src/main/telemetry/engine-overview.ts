import type { EngineState, EngineStats } from '../../shared/domain/engine.ts'

/** Engine states, as reported to programs and to monitoring. */
export interface EngineOverview {
  /** Engine of the default model; `off` when it is not loaded. */
  readonly standard: EngineState
  /** Engines of all models that are loaded, loading or failed. */
  readonly all: readonly EngineState[]
}

/**
 * State of the endpoint as a whole: that of the default model. If it was unloaded to make room for another model, the
 * best state of the others: the default model is loaded again on request.
 */
export function overallState({ standard, all }: EngineOverview): EngineState {
  if (standard.kind !== 'off') return standard
  return all.find(({ kind }) => kind === 'ready') ?? all[0] ?? standard
}

/** Sums over all engines. */
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
