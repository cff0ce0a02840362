import type { SerialisedError } from '../errors/switchboard-error.ts'
import type { Precision, Provider } from './generation.ts'

/** Which providers may run the model. Order of preference is fixed: CUDA, then WebGPU, then CPU. */
export interface ProviderPolicy {
  /** `auto` tries all in order; a name tries only that provider. */
  readonly prefer: 'auto' | Provider
  /** false: without a usable GPU the load is refused. */
  readonly allowCpu: boolean
}

/** Why a preferred provider was not used. */
export interface ProviderRefusal {
  readonly provider: Provider
  readonly reason: string
}

/** Requested limits of a model that did not fit into memory. */
export interface LoweredLimits {
  readonly slots: number
  readonly contextLength: number
  /** Weights, KV and working memory of the request. */
  readonly neededBytes: number
  /** Memory that was available. */
  readonly freeBytes: number
}

/** A loaded model as its engine process reports it. */
export interface LoadedModel {
  readonly model: string
  readonly precision: Precision
  /**
   * Activations and KV, whatever the precision of the weights: float32 on processors, float16 on cards that support it.
   */
  readonly floats: 'float32' | 'float16'
  readonly provider: Provider
  readonly refusals: readonly ProviderRefusal[]
  /** Tokens of prompt and reply together. */
  readonly contextLength: number
  readonly vocabularySize: number
  /** Requests that decode at once. */
  readonly slots: number
  /** Set when slots or context are lower than requested, because memory was short. */
  readonly lowered: LoweredLimits | null
  readonly weightBytes: number
  readonly kvBytes: number
  readonly loadMs: number
  /** Time of one token for every slot and one longest chunk, as measured at load time, ms. */
  readonly fullStepMs: number
}

export interface EngineStats {
  readonly running: number
  readonly waiting: number
  readonly slots: number
  readonly freeSlots: number
  /** Steps since the model was loaded. */
  readonly steps: number
  readonly tokensPerSecond: number
}

/** State of an engine process, as shown in the status bar. */
export type EngineState =
  | { readonly kind: 'off' }
  | { readonly kind: 'starting'; readonly model: string }
  | { readonly kind: 'preparing'; readonly model: string; readonly progress: number }
  | { readonly kind: 'loading'; readonly model: string }
  | { readonly kind: 'ready'; readonly loaded: LoadedModel; readonly stats: EngineStats; readonly pid: number }
  | { readonly kind: 'restarting'; readonly model: string; readonly attempt: number; readonly error: SerialisedError }
  | { readonly kind: 'failed'; readonly model: string; readonly error: SerialisedError }
