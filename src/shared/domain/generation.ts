import { z } from 'zod'

/** How the weights of a model are stored. */
export const precisionSchema = z.enum(['fp32', 'fp16', 'int8', 'int4'])
export type Precision = z.infer<typeof precisionSchema>

/** Sampling parameters after defaults were applied; every field is set. Ranges are checked at the doors. */
export interface SamplingParameters {
  /** 0 is greedy. Range 0 to 2. */
  readonly temperature: number
  /** Nucleus mass kept, (0, 1]; 1 keeps all. */
  readonly topP: number
  /** Number of best tokens kept; 0 keeps all. */
  readonly topK: number
  /** Keeps tokens at least this fraction as probable as the best one, [0, 1]; 0 keeps all. */
  readonly minP: number
  /**
   * Divides (or multiplies, if negative) logits of tokens seen in prompt or reply; 1 is off (CTRL, Keskar et al. 2019).
   */
  readonly repetitionPenalty: number
  /** Subtracted once per earlier occurrence in the reply, -2 to 2 (OpenAI). */
  readonly frequencyPenalty: number
  /** Subtracted once when the token occurred in the reply, -2 to 2 (OpenAI). */
  readonly presencePenalty: number
  /** Added to the logits of single tokens, -100 to 100, keyed by token id. */
  readonly logitBias: Readonly<Record<number, number>>
  /** Unsigned 32-bit. The same seed and input give the same output, whatever else is in the batch. */
  readonly seed: number
}

/** Why a reply ended. `stop`: end token or stop string; `length`: token limit; `cancelled`: stopped from outside. */
export type FinishReason = 'stop' | 'length' | 'cancelled'

/** Who is served first: `interactive` is somebody looking at the screen, `batch` is everything else. */
export type Priority = 'interactive' | 'batch'

export type Provider = 'cuda' | 'webgpu' | 'cpu'

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
  /** Prompt tokens that were not computed again: the same key-holder had asked the same beginning before. */
  readonly cachedTokens: number
  /** Spent on keeping the reply to a grammar, ms; absent without one. */
  readonly grammarMs?: number
  readonly finishReason: FinishReason
  readonly truncated: Truncation | null
  readonly seed: number
}

/** What was left out of the prompt so that it fits the context; never the system prompt, never the last message. */
export interface Truncation {
  readonly droppedMessages: number
  readonly droppedTokens: number
}
