/**
 * What goes in and out of the scheduler, as values. The engine calls, once per step:
 *
 *   plan(nowMs, drafts)          what the next step runs, complete: rows, spans, drafts, chunk, adapters
 *   absorb(plan, draws, nowMs)   what sampling made of it; returns the requests that ended
 *
 * and between steps `add` and `cancel` for requests that come and go.
 */
import type { AdapterRow, EngineLimits, EngineTimings } from '../../../shared/contracts/engine.ts'
import type { FinishReason, Priority } from '../../../shared/domain/generation.ts'
import type { Reuse } from './slot-memory.ts'

export interface SchedulerLimits extends Pick<
  EngineLimits,
  'slots' | 'contextLength' | 'queueRequests' | 'queueTokens' | 'prefillChunk'
> {
  /** Tokens of one chunk of a prompt that is scored (one logit row each). */
  readonly scoreChunk: number
  /** Rows of one decode run. */
  readonly maxSpan: number
  /** Whether KV can be copied from slot to slot; otherwise it is reused in place. */
  readonly copiesPrefixes: boolean
}

/** What the scheduler knows of a request. */
export interface RequestShape {
  readonly requestId: string
  readonly promptIds: readonly number[]
  readonly maxTokens: number
  /** Every prompt token gets a logit row. */
  readonly scorePrompt: boolean
  /** KV is shared between requests with the same key; null shares nothing. */
  readonly cacheKey: string | null
  readonly adapters: readonly AdapterRow[]
  readonly client: string
  readonly priority: Priority
}

export interface Refusal {
  readonly reason: 'queue_full' | 'context_length_exceeded' | 'invalid_request'
  readonly message: string
}

/** One reply in a step: `token`, the one sampled last, is run at `position` of `slot`. */
export interface DecodeRow {
  readonly requestId: string
  readonly slot: number
  readonly position: number
  readonly token: number
  readonly adapters: readonly AdapterRow[]
}

/** One run over the slots from `first` on, one token each; null rows are idle slots inside the span. */
export interface DecodeRun {
  readonly first: number
  readonly rows: readonly (DecodeRow | null)[]
}

/** One run over the last token of a reply and the draft behind it, with a logit row for each. */
export interface VerifyRun extends DecodeRow {
  readonly draft: readonly number[]
}

/** The next chunk of one prompt: ids [start, start + count) of `ids`. */
export interface PrefillRun {
  readonly requestId: string
  readonly slot: number
  readonly ids: readonly number[]
  readonly start: number
  readonly count: number
  /** The chunk ends the prompt: its last row is sampled. */
  readonly last: boolean
  readonly score: boolean
  /** Set for the first chunk: where the `start` tokens before it come from. */
  readonly reuse: Reuse | null
  readonly adapters: readonly AdapterRow[]
}

/** Everything one step does. */
export interface StepPlan {
  /** Start of the step, ms. */
  readonly nowMs: number
  /** Ascending by slot. */
  readonly decode: readonly DecodeRun[]
  readonly verify: readonly VerifyRun[]
  readonly prefill: PrefillRun | null
}

/**
 * One drawn token, in the order in which a request's tokens were drawn. `stop`: the end token was drawn, or nothing can
 * follow; `fault`: no token could be drawn.
 */
export type Draw =
  | { readonly requestId: string; readonly outcome: 'token'; readonly token: number }
  | { readonly requestId: string; readonly outcome: 'stop' | 'fault' }

export interface Ended {
  readonly requestId: string
  /** null when the request failed. */
  readonly finishReason: FinishReason | null
  readonly completionTokens: number
  /** Prompt tokens that were reused instead of computed. */
  readonly cachedTokens: number
  readonly timings: EngineTimings
}

/** Ids of all requests that a plan runs. */
export function requestsOf({ decode, verify, prefill }: StepPlan): string[] {
  const rows = decode.flatMap((run) => run.rows.filter((row) => row !== null))
  return [...rows, ...verify, ...(prefill === null ? [] : [prefill])].map(({ requestId }) => requestId)
}
