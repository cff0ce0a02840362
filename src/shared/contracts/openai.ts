/**
 * The HTTP endpoint's wire: the part of OpenAI's chat and text completions that Switchboard supports. Schemas describe
 * requests (unknown fields are ignored, `null` means the default), the types below them responses.
 * Field meanings: https://platform.openai.com/docs/api-reference/chat/create
 */
import { z } from 'zod'
import { valueSchema, wireParameterShape } from '../domain/sampling.ts'

/** Messages of one request; bounds the work before anything is tokenised. */
const MAX_MESSAGES = 2048
/** Token ids of one prompt; longer prompts fit no model. */
const MAX_PROMPT_IDS = 131_072

/** Text with lone surrogates replaced by U+FFFD, so that no later code meets one. */
const text = z.string().overwrite((value) => value.toWellFormed())
const integer = (min: number, max: number) => z.int().min(min).max(max).nullish()
const flag = z.boolean().nullish()
const unsupported = (name: string) => z.null({ error: `${name} is not supported yet` }).optional()
/** Checks the length before the items, so that a flood of items costs one comparison. */
const boundedArray = <Item extends z.ZodType>(item: Item, min: number, max: number) =>
  z.array(z.unknown()).min(min).max(max).pipe(z.array(item).min(min).max(max))

const textPart = z.object({
  type: z.literal('text', { error: 'only text parts are supported' }),
  text,
})

/** Tools of one request, and calls of one message. */
const MAX_TOOLS = 128
/** Name of a schema or a function. */
const plainName = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,64}$/, { error: 'must be 1 to 64 letters, digits, underscores or hyphens' })

const toolCallSchema = z.object({
  id: text.max(200),
  type: z.literal('function', { error: 'only functions are supported' }).optional(),
  function: z.object({ name: plainName, arguments: text.describe('A JSON object, as text.') }),
})

const messageSchema = z
  .object({
    role: z.enum(['system', 'developer', 'user', 'assistant', 'tool'], {
      error: 'must be system, developer, user, assistant or tool',
    }),
    content: z.union([z.null(), text, boundedArray(textPart, 1, MAX_MESSAGES)]).optional(),
    tool_calls: boundedArray(toolCallSchema, 0, MAX_TOOLS)
      .nullish()
      .describe('On assistant messages: the calls of that reply.'),
    tool_call_id: text.max(200).nullish().describe('On tool messages: the call this answers.'),
    function_call: unsupported('function_call'),
  })
  .refine(
    (message) =>
      message.content != null ||
      (message.role === 'assistant' && message.tool_calls != null && message.tool_calls.length > 0),
    { path: ['content'], error: 'expected text' },
  )
  .refine((message) => message.role !== 'user' || message.content !== '', {
    path: ['content'],
    error: 'must not be empty',
  })
  .refine((message) => message.role !== 'tool' || message.tool_call_id != null, {
    path: ['tool_call_id'],
    error: 'is missing',
  })
  .refine((message) => message.role === 'assistant' || message.tool_calls == null || message.tool_calls.length === 0, {
    path: ['tool_calls'],
    error: 'belongs to assistant messages',
  })

const stopText = text.min(1).max(1000)

/** Fields that chat and text completions share. */
const shared = {
  model: text.nullish().describe('Name of a model in GET /v1/models; absent: the default model.'),
  ...wireParameterShape,
  stop: z.union([z.null(), stopText, boundedArray(stopText, 0, 4)]).optional(),
  logit_bias: z
    .record(z.string().regex(/^\d{1,7}$/, { error: 'must be a token id' }), z.number().min(-100).max(100))
    .refine((bias) => Object.keys(bias).length <= 1024, { error: 'at most 1024 token ids' })
    .nullish(),
  n: z.literal(1, { error: 'only 1 is supported' }).nullish(),
  speculation: flag.describe('false: decodes token by token. The reply is the same; for measurements.'),
  stream: flag,
  stream_options: z.object({ include_usage: flag }).nullish(),
}

const jsonSchema = z
  .record(z.string(), z.unknown(), { error: 'expected a JSON Schema (an object)' })
  .describe(
    'JSON Schema: type, properties, required, additionalProperties, items, minItems, maxItems, enum, const, anyOf, $ref into $defs.',
  )

const responseFormatSchema = z.discriminatedUnion(
  'type',
  [
    z.object({ type: z.literal('text') }),
    z.object({ type: z.literal('json_object') }),
    z.object({
      type: z.literal('json_schema'),
      json_schema: z.object({
        name: plainName,
        description: text.nullish(),
        schema: jsonSchema,
        strict: flag.describe('false: unsupported keywords are ignored instead of refused.'),
      }),
    }),
  ],
  { error: 'must be text, json_object or json_schema' },
)

const toolSchema = z.object({
  type: z.literal('function', { error: 'only functions are supported' }),
  function: z.object({
    name: plainName,
    description: text.nullish(),
    parameters: jsonSchema.nullish(),
    strict: flag.describe('true: unsupported keywords are refused; otherwise they are ignored.'),
  }),
})

export const chatRequestSchema = z
  .object({
    ...shared,
    messages: boundedArray(messageSchema, 1, MAX_MESSAGES),
    max_completion_tokens: valueSchema('maxTokens').nullish().describe('The newer name of max_tokens.'),
    logprobs: flag,
    top_logprobs: integer(0, 20),
    response_format: responseFormatSchema
      .nullish()
      .describe(
        'The reply is JSON by construction: tokens that do not fit are never sampled. A reply that is cut off ends with finish_reason length.',
      ),
    tools: boundedArray(toolSchema, 0, MAX_TOOLS).nullish(),
    tool_choice: z
      .union([
        z.null(),
        z.enum(['none', 'auto', 'required'], { error: 'must be none, auto, required or a function' }),
        z.object({ type: z.literal('function'), function: z.object({ name: plainName }) }),
      ])
      .optional(),
    parallel_tool_calls: flag.describe('false: at most one call per reply.'),
    functions: z.array(z.unknown()).max(0, { error: 'functions are not supported yet' }).nullish(),
    function_call: z.literal('none', { error: 'functions are not supported yet' }).nullish(),
  })
  .refine(
    (body) =>
      body.max_tokens == null || body.max_completion_tokens == null || body.max_tokens === body.max_completion_tokens,
    { path: ['max_tokens'], error: 'differs from max_completion_tokens; send one of them' },
  )
  .refine((body) => body.top_logprobs == null || body.logprobs === true, {
    path: ['top_logprobs'],
    error: 'needs logprobs to be true',
  })
  .refine((body) => new Set(body.tools?.map((tool) => tool.function.name)).size === (body.tools?.length ?? 0), {
    path: ['tools'],
    error: 'two tools have the same name',
  })
  .refine(
    (body) => {
      const { tool_choice: choice, tools } = body
      if (choice == null || choice === 'none' || choice === 'auto') return true
      return choice === 'required'
        ? tools != null && tools.length > 0
        : tools?.some((tool) => tool.function.name === choice.function.name) === true
    },
    { path: ['tool_choice'], error: 'names no tool of this request' },
  )

type Prompt = string | readonly number[]

const isIds = (value: unknown): value is readonly number[] =>
  Array.isArray(value) &&
  value.length >= 1 &&
  value.length <= MAX_PROMPT_IDS &&
  value.every((id) => Number.isInteger(id) && id >= 0 && id <= 9_999_999)

/** One prompt: text, token ids, or an array that holds one of either; undefined for anything else. */
function onePrompt(value: unknown): Prompt | undefined {
  const single = Array.isArray(value) && value.length === 1 && typeof value[0] !== 'number' ? value[0] : value
  if (typeof single === 'string' && single.length > 0) return single.toWellFormed()
  return isIds(single) ? single : undefined
}

const promptSchema = z
  .unknown()
  .transform((value, context): Prompt => {
    const prompt = onePrompt(value)
    if (prompt !== undefined) return prompt
    context.addIssue({ code: 'custom', message: `expected one text, or 1 to ${MAX_PROMPT_IDS} token ids` })
    return z.NEVER
  })
  .meta({
    description: 'One prompt: text, token ids, or an array holding one of either.',
    anyOf: [
      { type: 'string', minLength: 1 },
      { type: 'array', minItems: 1, maxItems: MAX_PROMPT_IDS, items: { type: 'integer', minimum: 0 } },
    ],
  })

export const completionRequestSchema = z
  .object({
    ...shared,
    prompt: promptSchema,
    max_tokens: valueSchema('maxTokens', 0).nullish().describe('0 with echo only scores the prompt.'),
    logprobs: integer(0, 20),
    echo: flag,
    best_of: z.literal(1, { error: 'only 1 is supported' }).nullish(),
    suffix: z.literal('', { error: 'suffix is not supported yet' }).nullish(),
  })
  .refine((body) => body.max_tokens !== 0 || body.echo === true, {
    path: ['max_tokens'],
    error: '0 needs echo to be true',
  })

export type ChatRequestBody = z.output<typeof chatRequestSchema>
export type CompletionRequestBody = z.output<typeof completionRequestSchema>

/** The body of every refusal. */
export interface ErrorBody {
  readonly error: {
    readonly message: string
    readonly type: string
    readonly param: string | null
    readonly code: string
    /** Only in a stream, where status and Retry-After have been sent already. */
    readonly retryable?: boolean
  }
}

export interface Usage {
  readonly prompt_tokens: number
  readonly completion_tokens: number
  readonly total_tokens: number
  readonly prompt_tokens_details: { readonly cached_tokens: number }
}

/** Facts that Switchboard adds to a response. Times in ms. */
export interface SwitchboardFacts {
  /** The model that answered, and its version. */
  readonly base_model: string
  readonly model_version: number | null
  /** The assistant that answered, and its version; null where a model was asked directly. */
  readonly assistant: { readonly name: string; readonly version: number } | null
  /** What was dropped from the prompt so that it fits the context; null for nothing. */
  readonly truncated: { readonly dropped_messages: number; readonly dropped_tokens: number } | null
  readonly seed: number
  readonly provider: string
  readonly precision: string
  readonly queue_ms: number
  readonly ttft_ms: number
  readonly total_ms: number
  readonly tokens_per_second: number | null
  /** Total time spent on the grammar; absent without one. */
  readonly grammar_ms?: number
}

export interface ToolCallBody {
  readonly id: string
  readonly type: 'function'
  /** `arguments` is JSON as text; incomplete where the reply ended with `length`. */
  readonly function: { readonly name: string; readonly arguments: string }
}

interface TokenLogprob {
  readonly token: string
  readonly logprob: number
  readonly bytes: readonly number[]
}

export interface ChatLogprobs {
  readonly content: readonly (TokenLogprob & { readonly top_logprobs: readonly TokenLogprob[] })[]
  readonly refusal: null
}

/** Parallel arrays, one entry per token; offsets in code points of the returned text. */
export interface CompletionLogprobs {
  readonly tokens: readonly string[]
  readonly token_logprobs: readonly (number | null)[]
  readonly top_logprobs: readonly (Readonly<Record<string, number>> | null)[]
  readonly text_offset: readonly number[]
}

interface AnswerBase {
  readonly id: string
  /** Seconds since the epoch. */
  readonly created: number
  readonly model: string
  readonly system_fingerprint: string
  readonly usage: Usage
  readonly switchboard: SwitchboardFacts
}

export interface ChatCompletionBody extends AnswerBase {
  readonly object: 'chat.completion'
  readonly choices: readonly [
    {
      readonly index: 0
      readonly message: {
        readonly role: 'assistant'
        readonly content: string | null
        readonly refusal: null
        readonly tool_calls?: readonly ToolCallBody[]
      }
      readonly logprobs: ChatLogprobs | null
      readonly finish_reason: 'stop' | 'length' | 'tool_calls'
    },
  ]
}

export interface TextCompletionBody extends AnswerBase {
  readonly object: 'text_completion'
  readonly choices: readonly [
    {
      readonly index: 0
      readonly text: string
      readonly logprobs: CompletionLogprobs | null
      readonly finish_reason: 'stop' | 'length'
    },
  ]
}

export interface ModelBody {
  readonly id: string
  readonly object: 'model'
  readonly created: number
  readonly owned_by: 'switchboard'
  readonly context_length: number
  readonly family: string
  readonly precision: string
  /** The model an assistant answers with; null for a model itself. */
  readonly parent: string | null
  /** Only on assistants. */
  readonly assistant?: { readonly name: string; readonly version: number }
}
