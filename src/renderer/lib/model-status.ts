import type { EngineState } from '../../shared/domain/engine.ts'
import type { AppStatus, ModelStatus } from '../../shared/domain/status.ts'

export type ReadyState = Extract<EngineState, { kind: 'ready' }>

/** A model with its weights in memory. */
export interface LoadedModelStatus extends ModelStatus {
  readonly state: ReadyState
}

function isLoaded(model: ModelStatus): model is LoadedModelStatus {
  return model.state.kind === 'ready'
}

export function loadedModels({ models }: AppStatus): readonly LoadedModelStatus[] {
  return models.filter(isLoaded)
}

/** The model that answers where no other was chosen; undefined where the catalog has none. */
export function defaultModelStatus({ models, defaultModel }: AppStatus): ModelStatus | undefined {
  return models.find(({ model }) => model === defaultModel)
}

/** What the status bar adds up over every loaded model. Bytes and tokens a second. */
export interface ModelSums {
  readonly running: number
  readonly waiting: number
  readonly tokensPerSecond: number
  readonly weightBytes: number
  readonly kvBytes: number
  /** Resident memory of the program and all engines. */
  readonly memoryBytes: number
}

export function modelSums(status: AppStatus): ModelSums {
  const loaded = loadedModels(status).map(({ state }) => state)
  const sum = (value: (state: ReadyState) => number): number => loaded.reduce((total, state) => total + value(state), 0)
  return {
    running: sum(({ stats }) => stats.running),
    waiting: sum(({ stats }) => stats.waiting),
    tokensPerSecond: sum(({ stats }) => stats.tokensPerSecond),
    weightBytes: sum(({ loaded: { weightBytes } }) => weightBytes),
    kvBytes: sum(({ loaded: { kvBytes } }) => kvBytes),
    memoryBytes: status.models.reduce((total, { memoryBytes }) => total + memoryBytes, status.memoryBytes),
  }
}
