import type { ParameterOverrides, PromptMessage, ToolDescription } from './conversation.ts'
import type { Priority } from './generation.ts'
import type { JsonDefinitions, JsonShape } from './grammar.ts'
import type { Target } from './target.ts'

export type AskInput =
  /** Rendered by the model's chat template; the oldest turns are left out when they do not fit. */
  | {
      readonly kind: 'chat'
      readonly messages: readonly PromptMessage[]
      readonly tools?: readonly ToolDescription[]
      /** Text of a reply that was cut off: generation goes on behind it, and it is not written again. */
      readonly begun?: string
    }
  /** Taken as it is, without a template; text never becomes special tokens. */
  | { readonly kind: 'text'; readonly prompt: string }
  | { readonly kind: 'ids'; readonly ids: readonly number[] }

/** JSON of one shape; names in `definitions` are unique within the request. */
export interface JsonFormat {
  readonly shape: JsonShape
  readonly definitions: JsonDefinitions
}

/** What a reply has to look like. */
export interface AskStructure {
  /** null: any text. */
  readonly format: JsonFormat | null
  /** Tools the reply may call; null for none. */
  readonly tools: {
    readonly callable: readonly { readonly name: string; readonly arguments: JsonFormat }[]
    /** The reply is a call, and not text. */
    readonly required: boolean
    readonly maxCalls: number
  } | null
}

export interface Instructions {
  readonly systemPrompt: string
  readonly parameters: ParameterOverrides
}

/** One question with everything that decides its answer. */
export interface Ask {
  readonly requestId: string
  /**
   * Who asks: the id of an endpoint's key, or `console`. Computed prompts are shared within one client, and clients
   * take turns in the queue.
   */
  readonly client: string
  readonly priority: Priority
  readonly target: Target
  /** What the assistant brings along: its system prompt and parameters; null where a model was asked directly. */
  readonly instructions: Instructions | null
  readonly input: AskInput
  readonly parameters: ParameterOverrides & { readonly logitBias?: Readonly<Record<number, number>> | undefined }
  /** At most 4 strings. The reply ends before the first of them; calls of tools are not searched. */
  readonly stop: readonly string[]
  /** Alternatives per token, 0 to 20; null for no log-probabilities. */
  readonly logprobs: number | null
  /** Scores and returns the prompt as well. */
  readonly echo: boolean
  /** null: the reply is free. */
  readonly structure: AskStructure | null
  /** false: decoded token by token; the reply is the same. */
  readonly speculation: boolean
}
