import type { Ask } from '../../shared/domain/ask.ts'
import type { Receipt, Truncation } from '../../shared/domain/generation.ts'
import type { Target } from '../../shared/domain/target.ts'

/** One token of a prompt or reply as text. `bytes` are exact where a token is a part of a character. */
export interface TokenPiece {
  readonly id: number
  readonly text: string
  readonly bytes: readonly number[]
  /** The characters it completed in the text of the prompt or reply; empty for a special token. */
  readonly released: string
  /** Natural log-probability; null for the first prompt token, which has nothing before it. */
  readonly logprob: number | null
  readonly top: readonly {
    readonly id: number
    readonly text: string
    readonly bytes: readonly number[]
    readonly logprob: number
  }[]
}

export type AnswerEvent =
  /** First, before any waiting: the question as it may be stored; null where the input is no chat. */
  | { readonly kind: 'accepted'; readonly question: string | null }
  /** Everything that can be refused was checked: an HTTP error status is possible until this event. */
  | {
      readonly kind: 'started'
      readonly target: Target
      readonly promptTokens: number
      readonly truncated: Truncation | null
      readonly seed: number
    }
  /** Only with `echo`, before the first delta. */
  | { readonly kind: 'prompt'; readonly text: string; readonly tokens: readonly TokenPiece[] }
  /** Whole characters only; `tokens` is empty unless log-probabilities were asked for. */
  | { readonly kind: 'delta'; readonly text: string; readonly tokens: readonly TokenPiece[] }
  /** A tool call begins. Calls are counted from 0 and come one after the other. */
  | { readonly kind: 'toolCall'; readonly index: number; readonly id: string; readonly name: string }
  /** The next piece of its arguments; all pieces together are JSON. */
  | { readonly kind: 'toolArguments'; readonly index: number; readonly text: string }
  | { readonly kind: 'done'; readonly receipt: Receipt }

/** A question in, an answer out; stores nothing. Both doors (HTTP and console) answer through this one interface. */
export interface Answerer {
  /**
   * Streams one answer. Leaving the iteration or aborting the signal stops it within one step.
   * @throws SwitchboardError context_length_exceeded, invalid_request, template_invalid, queue_full, loading, draining,
   *   provider_unavailable, engine_crashed, engine_failed, engine_fault, model_not_found, model_corrupt, cancelled.
   */
  answer(ask: Ask, signal: AbortSignal): AsyncIterable<AnswerEvent>
}

/** One stage of the pipeline: it may change the question on the way in and the events on the way out. */
export type Stage = (next: Answerer) => Answerer

/** The stages in order around generation, which is the last. */
export function pipeline(stages: readonly Stage[], generation: Answerer): Answerer {
  return stages.reduceRight((next, stage) => stage(next), generation)
}
