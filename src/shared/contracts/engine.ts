/**
 * Main <-> engine process. Token ids only: no text crosses this wire. Main checks every event it receives; a command of
 * an unknown kind is a programming error and ends the engine process.
 */
import type { CancelSignal } from '../base/cancel-signal.ts'
import type { EngineStats, LoadedModel, ProviderPolicy } from '../domain/engine.ts'
import type { FinishReason, Priority, SamplingParameters } from '../domain/generation.ts'
import type { Grammar } from '../domain/grammar.ts'
import type { TargetAdapter } from '../domain/target.ts'
import type { SerialisedError } from '../errors/switchboard-error.ts'

/** What the engine loads: the folder of a built graph. */
export interface EngineModel {
  /** Catalog name, for messages only. */
  readonly name: string
  /** See contracts/graph.ts. */
  readonly graphDirectory: string
  readonly policy: ProviderPolicy
  readonly limits: EngineLimits
  /** Worker threads of one session; 0 takes one per physical core. */
  readonly threads: number
  /**
   * Bytes of all tokens in the order of their ids, for grammars; without it, requests with a grammar are refused.
   * Base64 of, for each token, the number of its bytes (LEB128) and the bytes; 0 for tokens without text, such as
   * control tokens.
   */
  readonly vocabulary?: string
}

export interface EngineLimits {
  /** KV slots: number of requests that decode at once. */
  readonly slots: number
  /** Tokens of KV per slot; capped by the graph's maxPositions. */
  readonly contextLength: number
  /**
   * Requests of each priority that may wait for a slot; further ones are refused with `queue_full`. One client cannot
   * fill the queue.
   */
  readonly queueRequests: number
  /** Prompt tokens of each priority that may wait in total. */
  readonly queueTokens: number
  /** Prompt tokens of one step; fewer when they would slow down the replies that decode in it. */
  readonly prefillChunk: number
  /** Speculative decoding, where it pays; default true. It does not change the reply. */
  readonly speculation?: boolean
}

/** An adapter as the rows of a step refer to it. */
export interface AdapterRow {
  /** Index in the engine's adapter bank. */
  readonly index: number
  readonly scale: number
}

export interface GenerateRequest {
  readonly requestId: string
  /** At least one id. Prompt and maxTokens together fit the context; the engine refuses them otherwise. */
  readonly promptIds: readonly number[]
  readonly sampling: SamplingParameters
  /** 0 with promptLogprobs set scores the prompt and ends with `length`. */
  readonly maxTokens: number
  /** Ids that end the reply; the ending id is counted but not emitted. */
  readonly stopIds: readonly number[]
  /**
   * Number of best alternatives with log-probabilities per generated token; 0 for the drawn token only, null for none.
   */
  readonly logprobs: number | null
  /** The same for each prompt token except the first, which has nothing before it. */
  readonly promptLogprobs: number | null
  /**
   * Requests of one scope reuse each other's KV; null shares nothing. A fast answer reveals that something like the
   * prompt was asked before, so a scope never covers more than one key-holder.
   */
  readonly cacheScope: string | null
  /** Applied in this order; default none. The engine does not serve adapters yet and refuses any. */
  readonly adapters?: readonly TargetAdapter[]
  /** Clients of one priority take turns, whatever the number of their requests. */
  readonly client: string
  readonly priority: Priority
  /** false disables speculative decoding for this request. */
  readonly speculation?: boolean
  /** Tokens that the grammar does not allow are never drawn, and the reply ends where the grammar ends. */
  readonly grammar?: Grammar
}

/** One token. Log-probabilities are natural, from the raw logits before penalties, bias and temperature. */
export interface TokenOutput {
  readonly id: number
  readonly logprob?: number
  /** Best alternatives, most probable first. */
  readonly top?: readonly { readonly id: number; readonly logprob: number }[]
}

/** Times measured inside the engine, ms. */
export interface EngineTimings {
  /** Arrival to start of prefill. */
  readonly queueMs: number
  /** Arrival to first sampled token. */
  readonly ttftMs: number
  readonly totalMs: number
  /** Time for the grammar, summed over all steps; absent without one. */
  readonly grammarMs?: number
}

/** Draft tokens of a reply: proposed, and accepted as the drawn ones. */
export interface DraftCounts {
  readonly proposed: number
  readonly accepted: number
}

/** Main -> engine. */
export type EngineCommand =
  | { readonly kind: 'load'; readonly model: EngineModel }
  | { readonly kind: 'submit'; readonly request: GenerateRequest }
  | { readonly kind: 'cancel'; readonly requestId: string }
  | { readonly kind: 'shutdown' }

/** Result of one step for one request. A message may hold several, in order. */
export type RequestOutput =
  /** Sent chunk by chunk, because the scores of a long prompt exceed one message; readers get one event. */
  | { readonly kind: 'prompt'; readonly requestId: string; readonly tokens: readonly TokenOutput[] }
  | { readonly kind: 'tokens'; readonly requestId: string; readonly tokens: readonly TokenOutput[] }
  /** `cachedTokens`: prompt tokens that were reused instead of computed. */
  | {
      readonly kind: 'done'
      readonly requestId: string
      readonly finishReason: FinishReason
      readonly completionTokens: number
      readonly cachedTokens: number
      readonly timings: EngineTimings
      readonly drafted?: DraftCounts
    }
  | { readonly kind: 'failed'; readonly requestId: string; readonly error: SerialisedError }

/** Engine -> main. */
export type EngineEvent =
  | { readonly kind: 'hello'; readonly runtimeVersion: string }
  | { readonly kind: 'loaded'; readonly loaded: LoadedModel; readonly stats: EngineStats }
  | { readonly kind: 'loadFailed'; readonly error: SerialisedError }
  | { readonly kind: 'outputs'; readonly outputs: readonly RequestOutput[] }
  /** Sent when counts change and at least once a second: also the heartbeat. */
  | { readonly kind: 'stats'; readonly stats: EngineStats }

/** What a caller inside main gets for one request. */
export type GenerationEvent = Exclude<RequestOutput, { kind: 'failed' }>

/**
 * A loaded model that answers. Implemented by engine-client (real process) and by FakeEngine.
 * Leaving the iteration early or aborting the signal cancels the request within one step. An aborted request does not
 * throw: it ends with `done`, finish reason `cancelled`, and the counts reached so far.
 */
export interface Engine {
  readonly loaded: LoadedModel
  /**
   * @throws SwitchboardError queue_full, context_length_exceeded, loading (while it restarts), engine_crashed,
   * engine_failed, engine_fault, draining.
   */
  generate(request: GenerateRequest, signal: CancelSignal): AsyncIterable<GenerationEvent>
}
