/**
 * Main <-> engine process. Token ids only: no text crosses this wire. Both sides parse nothing: the port is inherited,
 * the types are the contract; unknown kinds are a programming error and end the process.
 */
import type { CancelSignal } from '../base/cancel-signal.ts'
import type { EngineStats, LoadedModel, ProviderPolicy } from '../domain/engine.ts'
import type { FinishReason, Priority, SamplingParameters } from '../domain/generation.ts'
import type { Grammar } from '../domain/grammar.ts'
import type { TargetAdapter } from '../domain/target.ts'
import type { SerialisedError } from '../errors/switchboard-error.ts'

/** What the engine loads: a built graph folder, already verified to exist. */
export interface EngineModel {
  /** Catalog name, for messages only. */
  readonly name: string
  /** Folder of a built graph, see graph.ts. */
  readonly graphDirectory: string
  readonly policy: ProviderPolicy
  readonly limits: EngineLimits
  /** Worker threads of one session; 0 takes one per physical core. */
  readonly threads: number
  /**
   * Bytes of every token in the order of their ids, for grammars; without it requests with a grammar are refused.
   * Base64 of,
   * for each token, the number of its bytes (LEB128) and the bytes; 0 for tokens that stand for no text, special ones
   * above all.
   */
  readonly vocabulary?: string
}

export interface EngineLimits {
  /** KV slots: requests that decode at once. */
  readonly slots: number
  /** Tokens of KV per slot; capped by the graph's maxPositions. */
  readonly contextLength: number
  /**
   * Requests of each priority that may wait beyond the slots; one more is refused with `queue_full`. No client fills it
   * alone.
   */
  readonly queueRequests: number
  /** Prompt tokens of each priority that may wait in total. */
  readonly queueTokens: number
  /** Most prompt tokens run in one step; fewer where they would hold up the replies that decode beside them. */
  readonly prefillChunk: number
  /**
   * Whether tokens that the sequence so far suggests are verified several at a time where that pays; default true. The
   * reply is the same.
   */
  readonly speculation?: boolean
}

/** An adapter as the rows of a step name it. */
export interface AdapterRow {
  /** Place in the engine's adapter bank. */
  readonly index: number
  readonly scale: number
}

export interface GenerateRequest {
  readonly requestId: string
  /** At least one id; prompt and maxTokens together fit the context (checked by the caller, enforced by the engine). */
  readonly promptIds: readonly number[]
  readonly sampling: SamplingParameters
  /** 0 with promptLogprobs set scores the prompt and ends with `length`. */
  readonly maxTokens: number
  /** Ids that end the reply; the ending id is counted but not emitted. */
  readonly stopIds: readonly number[]
  /**
   * Per generated token, this many best alternatives with log-probabilities; null for none, 0 for the chosen one only.
   */
  readonly logprobs: number | null
  /** The same for each prompt token but the first (which has nothing before it). */
  readonly promptLogprobs: number | null
  /**
   * Requests of one scope take over each other's computed prompts; null takes and leaves nothing. A fast answer tells
   * that
   * something like the prompt was asked before, so a scope is one key-holder, never more.
   */
  readonly cacheScope: string | null
  /** Applied in this order; default none. The engine serves none yet and refuses any other value. */
  readonly adapters?: readonly TargetAdapter[]
  /** Whose request it is: clients of one priority take turns, whatever number of requests each has waiting. */
  readonly client: string
  readonly priority: Priority
  /** false: token by token, whatever the limits say. The reply is the same. */
  readonly speculation?: boolean
  /** What the reply may look like: tokens that do not fit are never drawn, and it ends where the grammar does. */
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
  /** Spent on the grammar, all steps together; absent without one. */
  readonly grammarMs?: number
}

/** Tokens that were proposed for a reply (speculation), and those of them that turned out to be the drawn ones. */
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

/** What happened to one request in one step. Several may arrive in one message, in order. */
export type RequestOutput =
  /** Chunk by chunk: the scores of a long prompt are too large for one message. Handed on as one event. */
  | { readonly kind: 'prompt'; readonly requestId: string; readonly tokens: readonly TokenOutput[] }
  | { readonly kind: 'tokens'; readonly requestId: string; readonly tokens: readonly TokenOutput[] }
  /** `cachedTokens`: prompt tokens that were taken over instead of computed. */
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
  /** Sent when counts change and at least once a second while the process lives: also the heartbeat. */
  | { readonly kind: 'stats'; readonly stats: EngineStats }

/** What one request yields to its caller inside main. */
export type GenerationEvent = Exclude<RequestOutput, { kind: 'failed' }>

/**
 * A loaded model that answers. Implemented by engine-client (real process) and by the fake beside this file's tests.
 * Leaving the iteration early or aborting the signal cancels the request within one step. An aborted request ends like
 * any other, with a `done` whose finish reason is `cancelled` and whose counts tell how far it came; nothing is thrown.
 */
export interface Engine {
  readonly loaded: LoadedModel
  /**
   * @throws SwitchboardError queue_full, context_length_exceeded, loading (while it restarts), engine_crashed,
   * engine_failed, engine_fault, draining.
   */
  generate(request: GenerateRequest, signal: CancelSignal): AsyncIterable<GenerationEvent>
}
