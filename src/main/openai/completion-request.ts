import type { z } from 'zod'
import {
  chatRequestSchema,
  completionRequestSchema,
  type ChatRequestBody,
  type CompletionRequestBody,
} from '../../shared/contracts/openai.ts'
import { isRecord } from '../../shared/base/is-record.ts'
import type { Ask } from '../../shared/domain/ask.ts'
import type { PromptMessage } from '../../shared/domain/conversation.ts'
import { fromWire } from '../../shared/domain/sampling.ts'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import { describedTools, structureOf } from './reply-structure.ts'
import { isNestedDeeperThan, MAX_DEPTH } from './strict-json.ts'

/** The part of an Ask given by the request body; the route adds client and target. */
export type RequestedAsk = Pick<
  Ask,
  'input' | 'parameters' | 'stop' | 'logprobs' | 'echo' | 'structure' | 'speculation'
>

/** A parsed request of either API, still without the defaults of the model. */
export interface CompletionRequest {
  readonly api: 'chat' | 'text'
  /** null for the default. */
  readonly model: string | null
  readonly ask: RequestedAsk
  readonly stream: boolean
  readonly includeUsage: boolean
}

/** @throws SwitchboardError invalid_request with the field at fault. */
export function parseChatRequest(body: unknown): CompletionRequest {
  const wire = parse(chatRequestSchema, body)
  return {
    api: 'chat',
    ...deliveryOf(wire),
    ask: {
      ...sharedFields({ ...wire, max_tokens: wire.max_completion_tokens ?? wire.max_tokens }),
      input: { kind: 'chat', messages: wire.messages.map(toMessage), ...describedTools(wire) },
      structure: structureOf(wire),
      logprobs: wire.logprobs === true ? (wire.top_logprobs ?? 0) : null,
      echo: false,
    },
  }
}

/** @throws SwitchboardError invalid_request with the field at fault. */
export function parseTextRequest(body: unknown): CompletionRequest {
  const wire = parse(completionRequestSchema, body)
  return {
    api: 'text',
    ...deliveryOf(wire),
    ask: {
      ...sharedFields(wire),
      input:
        typeof wire.prompt === 'string' ? { kind: 'text', prompt: wire.prompt } : { kind: 'ids', ids: wire.prompt },
      structure: null,
      logprobs: wire.logprobs ?? null,
      echo: wire.echo ?? false,
    },
  }
}

type WireBody = ChatRequestBody | CompletionRequestBody

function deliveryOf(wire: WireBody): Pick<CompletionRequest, 'model' | 'stream' | 'includeUsage'> {
  return {
    model: wire.model ?? null,
    stream: wire.stream ?? false,
    includeUsage: wire.stream_options?.include_usage ?? false,
  }
}

function sharedFields(wire: WireBody): Pick<RequestedAsk, 'parameters' | 'stop' | 'speculation'> {
  return {
    parameters: { ...fromWire(wire), logitBias: wire.logit_bias ?? undefined },
    stop: typeof wire.stop === 'string' ? [wire.stop] : (wire.stop ?? []),
    speculation: wire.speculation ?? true,
  }
}

/** `developer` is the newer name of `system`; text parts are joined as lines. */
function toMessage(
  { role, content, tool_calls: calls }: ChatRequestBody['messages'][number],
  index: number,
): PromptMessage {
  return {
    role: role === 'developer' ? 'system' : role,
    content: typeof content === 'string' ? content : (content ?? []).map((part) => part.text).join('\n'),
    ...(calls == null || calls.length === 0
      ? {}
      : {
          toolCalls: calls.map((call, at) => ({
            name: call.function.name,
            arguments: parseArguments(
              call.function.arguments,
              `messages[${index}].tool_calls[${at}].function.arguments`,
            ),
          })),
        }),
  }
}

/**
 * Arguments of an earlier call, sent back by the client. Duplicate keys are allowed, because a model may have written
 * them. Deep nesting is refused, because template and tokenizer recurse into the value.
 */
function parseArguments(text: string, param: string): Readonly<Record<string, unknown>> {
  const refused = (fault: string): SwitchboardError =>
    new SwitchboardError('invalid_request', `Invalid value for '${param}': it is ${fault}.`, { param })
  if (text === '') return {}
  if (isNestedDeeperThan(text, MAX_DEPTH)) throw refused(`nested more than ${MAX_DEPTH} levels deep`)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    // The parser's message quotes the text, so it is not passed on.
    throw refused('not valid JSON')
  }
  if (!isRecord(value)) throw refused('not a JSON object')
  return value
}

function parse<Schema extends z.ZodType>(schema: Schema, body: unknown): z.output<Schema> {
  if (!isRecord(body)) throw new SwitchboardError('invalid_request', 'The body is not a JSON object.')
  const result = schema.safeParse(body)
  if (result.success) return result.data
  const issue = deepest(result.error.issues[0])
  const param = pathText(issue.path)
  throw new SwitchboardError('invalid_request', `Invalid value for '${param}': ${issue.message}.`, { param })
}

interface Fault {
  readonly path: readonly PropertyKey[]
  readonly message: string
}

/** In a union, the branch that matched furthest explains the fault best. */
function deepest(issue: z.core.$ZodIssue | undefined, prefix: readonly PropertyKey[] = []): Fault {
  if (issue === undefined) return { path: prefix, message: 'not accepted' }
  const path = [...prefix, ...issue.path]
  if (issue.code !== 'invalid_union' || issue.errors.length === 0) return { path, message: issue.message }
  const branches = issue.errors
    .map((errors) => deepest(errors[0], path))
    .filter((fault) => fault.path.length > path.length || !fault.message.startsWith('Invalid input: expected'))
  const best = branches.sort((a, b) => b.path.length - a.path.length)[0]
  return best ?? { path, message: 'the type is not one of those allowed here' }
}

/** A path in OpenAI's notation: `messages[0].content`. */
function pathText(path: readonly PropertyKey[]): string {
  const text = path
    .map((step, at) => (typeof step === 'number' ? `[${step}]` : `${at === 0 ? '' : '.'}${String(step)}`))
    .join('')
  return text.slice(0, 100)
}
