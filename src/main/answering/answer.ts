import type { PromptMessage, ParameterOverrides, ToolDescription } from '../../shared/domain/conversation.ts'
import type { Priority, Receipt, Truncation } from '../../shared/domain/generation.ts'
import type { JsonDefinitions, JsonShape } from '../../shared/domain/grammar.ts'

/** One token of a prompt or reply as text. `bytes` are exact where a token is a part of a character. */
export interface TokenPiece {
  readonly id: number
  readonly text: string
  readonly bytes: readonly number[]
  /** What it added to the text of the prompt or reply: the characters it completed; nothing of a special token. */
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

export type ReplyInput =
  /** Rendered by the model's chat template; the oldest turns are left out when they do not fit. */
  | { readonly kind: 'chat'; readonly messages: readonly PromptMessage[]; readonly tools?: readonly ToolDescription[] }
  /** Taken as it is, without a template; text never becomes special tokens. */
  | { readonly kind: 'text'; readonly prompt: string }
  | { readonly kind: 'ids'; readonly ids: readonly number[] }

/** JSON of one shape; names in `definitions` are unlike those of every other part of the request. */
export interface JsonFormat {
  readonly shape: JsonShape
  readonly definitions: JsonDefinitions
}

/** What a reply has to look like. */
export interface ReplyStructure {
  /** null: any text. */
  readonly format: JsonFormat | null
  /** Tools the reply may call; null for none. */
  readonly tools: {
    readonly callable: readonly { readonly name: string; readonly arguments: JsonFormat }[]
    /** The reply is a call, and not text. */
    readonly required: boolean
    readonly mostCalls: number
  } | null
}

export interface ReplyRequest {
  readonly requestId: string
  /**
   * Who asks: the id of an endpoint's key, or `console`. Replies share computed prompts with this client's alone, and
   * wait in turn with other clients'.
   */
  readonly client: string
  readonly priority: Priority
  readonly model: string
  readonly input: ReplyInput
  readonly parameters: ParameterOverrides & { readonly logitBias?: Readonly<Record<number, number>> | undefined }
  /**
   * At most 4 strings; the reply ends before the first of them. They are looked for in its words, not in calls of
   * tools.
   */
  readonly stop: readonly string[]
  /** Number of alternatives a token, 0 to 20; null for no log-probabilities. */
  readonly logprobs: number | null
  /** Scores and returns the prompt as well. */
  readonly echo: boolean
  /** Absent or null: the reply is free. */
  readonly structure?: ReplyStructure | null
  /** false: decoded token by token; the reply is the same. */
  readonly speculation?: boolean
}

export type ReplyEvent =
  /**
   * Everything that can be refused was checked before this event: an error status is still possible until it arrives.
   */
  | {
      readonly kind: 'started'
      readonly model: string
      readonly systemFingerprint: string
      readonly promptTokens: number
      readonly truncated: Truncation | null
      readonly seed: number
    }
  /** Only with `echo`, before the first delta. */
  | { readonly kind: 'prompt'; readonly text: string; readonly tokens: readonly TokenPiece[] }
  /** Whole characters only; `tokens` is empty unless log-probabilities were asked for. */
  | { readonly kind: 'delta'; readonly text: string; readonly tokens: readonly TokenPiece[] }
  /** A call begins; calls are counted from 0 and come one after the other. */
  | { readonly kind: 'toolCall'; readonly index: number; readonly id: string; readonly name: string }
  /** The next piece of its arguments, which are JSON all together. */
  | { readonly kind: 'toolArguments'; readonly index: number; readonly text: string }
  | { readonly kind: 'done'; readonly receipt: Receipt }

/** Prompt in, text out; keeps nothing. Both doors (HTTP and console) answer through this one interface. */
export interface ReplyService {
  /**
   * Streams one reply. Leaving the iteration or aborting the signal stops it within one step.
   * @throws SwitchboardError model_not_found, context_length_exceeded, invalid_request, queue_full, loading, draining,
   *   provider_unavailable, engine_crashed, engine_failed, engine_fault, cancelled.
   */
  reply(request: ReplyRequest, signal: AbortSignal): AsyncIterable<ReplyEvent>
}
