import type { SerialisedError } from '../errors/switchboard-error.ts'
import type { Precision, Provider } from './generation.ts'

/** Which providers may run the model. Order of preference is fixed: CUDA, then WebGPU, then CPU. */
export interface ProviderPolicy {
  /** `auto` tries all in order; a name tries that one alone. */
  readonly prefer: 'auto' | Provider
  /** false: a machine without a usable GPU refuses to load instead of running on the CPU. */
  readonly allowCpu: boolean
}

/** Why a provider that stands before the chosen one was not used. */
export interface ProviderRefusal {
  readonly provider: Provider
  readonly reason: string
}

/** What was wanted of a model where memory was too short for it. */
export interface LoweredLimits {
  readonly slots: number
  readonly contextLength: number
  /** Memory it would have taken: weights, conversations and working memory. */
  readonly neededBytes: number
  /** Memory there was for it. */
  readonly freeBytes: number
}

/** What the engine process says about the model it holds. */
export interface LoadedModel {
  readonly model: string
  readonly precision: Precision
  /**
   * Numbers it computes with, whatever its weights are rounded to: float32 on processors, float16 on cards that have
   * it.
   */
  readonly floats: 'float32' | 'float16'
  readonly provider: Provider
  readonly refusals: readonly ProviderRefusal[]
  /** Highest number of tokens of prompt and reply together. */
  readonly contextLength: number
  readonly vocabularySize: number
  /** Requests that decode at once. */
  readonly slots: number
  /** Set where slots or context are lower than wanted because memory was short. */
  readonly lowered: LoweredLimits | null
  readonly weightBytes: number
  readonly kvBytes: number
  readonly loadMs: number
  /** A token for every slot and the longest chunk beside it, by what the first runs took, ms. */
  readonly fullStepMs: number
}

export interface EngineStats {
  readonly running: number
  readonly waiting: number
  readonly slots: number
  readonly freeSlots: number
  /** Steps since the model was loaded: a heartbeat that only a working loop moves. */
  readonly steps: number
  readonly tokensPerSecond: number
}

/** The truth about the engine, fed by the process itself; what the status bar shows. */
export type EngineState =
  | { readonly kind: 'off' }
  | { readonly kind: 'starting'; readonly model: string }
  | { readonly kind: 'preparing'; readonly model: string; readonly progress: number }
  | { readonly kind: 'loading'; readonly model: string }
  | { readonly kind: 'ready'; readonly loaded: LoadedModel; readonly stats: EngineStats; readonly pid: number }
  | { readonly kind: 'restarting'; readonly model: string; readonly attempt: number; readonly error: SerialisedError }
  | { readonly kind: 'failed'; readonly model: string; readonly error: SerialisedError }
