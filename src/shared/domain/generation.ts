import { z } from 'zod'
import type { SamplingValues } from './sampling.ts'

/** How the weights of a model are stored. */
export const precisionSchema = z.enum(['fp32', 'fp16', 'int8', 'int4'])
export type Precision = z.infer<typeof precisionSchema>

/** Sampling parameters after defaults were applied; see sampling.ts for their ranges, which the doors check. */
export interface SamplingParameters extends SamplingValues {
  /** Added to the logits of single tokens, -100 to 100, keyed by token id. */
  readonly logitBias: Readonly<Record<number, number>>
}

/** Why a reply ended: `stop` at an end token or stop string, `length` at the token limit, `cancelled` from outside. */
export type FinishReason = 'stop' | 'length' | 'cancelled'

/** Scheduling class: `interactive` where a person waits in front of the screen, `batch` otherwise. */
export type Priority = 'interactive' | 'batch'

/** In the fixed order of preference. */
export const providerSchema = z.enum(['cuda', 'webgpu', 'cpu'])
export type Provider = z.infer<typeof providerSchema>

/** Facts about one generation, stored with the reply and shown under it. Times in ms, monotonic clock. */
export interface Receipt {
  readonly model: string
  /** Absent on replies of older programs, like `assistant`. */
  readonly modelVersion?: number
  /** The assistant that answered, by name and version; null where the model was asked directly. */
  readonly assistant?: { readonly name: string; readonly version: number } | null
  readonly systemFingerprint: string
  readonly provider: Provider
  readonly precision: Precision
  readonly queueMs: number
  /** Time to first token: from submission to the first sampled token, queue included. */
  readonly ttftMs: number
  readonly totalMs: number
  /** Decode speed after the first token; null for replies of one token. */
  readonly tokensPerSecond: number | null
  readonly promptTokens: number
  readonly completionTokens: number
  /** Prompt tokens taken from the KV cache of an earlier request of the same client. */
  readonly cachedTokens: number
  /** Time spent on the grammar, ms; absent without one. */
  readonly grammarMs?: number
  readonly finishReason: FinishReason
  readonly truncated: Truncation | null
  readonly seed: number
}

/** What was dropped from the prompt so that it fits the context; never the system prompt or the last message. */
export interface Truncation {
  readonly droppedMessages: number
  readonly droppedTokens: number
}
