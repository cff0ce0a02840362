import type {
  ChatCompletionBody,
  ChatLogprobs,
  CompletionLogprobs,
  SwitchboardFacts,
  TextCompletionBody,
  ToolCallBody,
  Usage,
} from '../../shared/contracts/openai.ts'
import type { Receipt } from '../../shared/domain/generation.ts'
import type { AnswerEvent, TokenPiece } from '../answering/answer.ts'
import type { CompletionRequest } from './completion-request.ts'

/** Content of a reply that is not streamed. */
interface WholeReply {
  readonly text: string
  readonly tokens: readonly TokenPiece[]
  readonly calls: readonly ToolCallBody[]
}

type CallEvent = Extract<AnswerEvent, { kind: 'toolCall' | 'toolArguments' }>
type Started = Extract<AnswerEvent, { kind: 'started' }>

/**
 * Writes one reply in OpenAI's format. Chunks are concatenated around one JSON.stringify, since there is one per token.
 */
export class CompletionFormat {
  readonly #request: CompletionRequest
  readonly #started: Started
  readonly #id: string
  /** Seconds since the epoch. */
  readonly #created: number
  readonly #head: string
  readonly #tail: string
  /** Characters (code points) returned so far, for `text_offset`. */
  #offset = 0
  /** Whether a tool was called. */
  #called = false

  constructor(request: CompletionRequest, started: Started, id: string, nowMs: number) {
    this.#request = request
    this.#started = started
    this.#id = `${request.api === 'chat' ? 'chatcmpl' : 'cmpl'}-${id}`
    this.#created = Math.floor(nowMs / 1000)
    const kind = request.api === 'chat' ? 'chat.completion.chunk' : 'text_completion'
    this.#head = `data: {"id":${JSON.stringify(this.#id)},"object":"${kind}","created":${this.#created},"model":${JSON.stringify(started.target.name)},"system_fingerprint":${JSON.stringify(started.target.fingerprint)},"choices":[`
    this.#tail = request.includeUsage ? '],"usage":null}\n\n' : ']}\n\n'
  }

  /** The first chunk of a chat stream; empty for a text stream. */
  opening(): string {
    if (this.#request.api === 'text') return ''
    return `${this.#head}{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null}${this.#tail}`
  }

  delta(text: string, tokens: readonly TokenPiece[]): string {
    const logprobs = this.#request.ask.logprobs === null ? 'null' : JSON.stringify(this.logprobs(tokens))
    const content =
      this.#request.api === 'chat' ? `"delta":{"content":${JSON.stringify(text)}}` : `"text":${JSON.stringify(text)}`
    return `${this.#head}{"index":0,${content},"logprobs":${logprobs},"finish_reason":null}${this.#tail}`
  }

  /** One piece of a tool call: first its name, then its arguments as they arrive. */
  call(event: CallEvent): string {
    this.#called = true
    const piece =
      event.kind === 'toolCall'
        ? { index: event.index, id: event.id, type: 'function', function: { name: event.name, arguments: '' } }
        : { index: event.index, function: { arguments: event.text } }
    return `${this.#head}{"index":0,"delta":{"tool_calls":[${JSON.stringify(piece)}]},"logprobs":null,"finish_reason":null}${this.#tail}`
  }

  /** The finish reason, the usage if requested, and the end mark. */
  closing(receipt: Receipt): string {
    const content = this.#request.api === 'chat' ? '"delta":{}' : '"text":""'
    const facts = `"switchboard":${JSON.stringify(switchboardFacts(receipt))}}\n\n`
    const last = `${this.#head}{"index":0,${content},"logprobs":null,"finish_reason":"${finishReason(receipt, this.#called)}"}],`
    if (!this.#request.includeUsage) return `${last}${facts}data: [DONE]\n\n`
    return `${last}"usage":null,${facts}${this.#head}],"usage":${JSON.stringify(usage(receipt))},${facts}data: [DONE]\n\n`
  }

  /** The body of a reply that is not streamed. */
  body({ text, tokens, calls }: WholeReply, receipt: Receipt): ChatCompletionBody | TextCompletionBody {
    const base = {
      id: this.#id,
      created: this.#created,
      model: this.#started.target.name,
      system_fingerprint: this.#started.target.fingerprint,
      usage: usage(receipt),
      switchboard: switchboardFacts(receipt),
    }
    const withLogprobs = this.#request.ask.logprobs !== null
    if (this.#request.api === 'chat') {
      const called = calls.length > 0
      const message = {
        role: 'assistant' as const,
        content: called && text === '' ? null : text,
        refusal: null,
        ...(called ? { tool_calls: calls } : {}),
      }
      return {
        ...base,
        object: 'chat.completion',
        choices: [
          {
            index: 0,
            message,
            logprobs: withLogprobs ? chatLogprobs(tokens) : null,
            finish_reason: finishReason(receipt, called),
          },
        ],
      }
    }
    return {
      ...base,
      object: 'text_completion',
      choices: [
        {
          index: 0,
          text,
          logprobs: withLogprobs ? this.#textLogprobs(tokens) : null,
          finish_reason: receipt.finishReason === 'length' ? 'length' : 'stop',
        },
      ],
    }
  }

  /** Log probabilities in the format of the request's API. */
  logprobs(tokens: readonly TokenPiece[]): ChatLogprobs | CompletionLogprobs {
    return this.#request.api === 'chat' ? chatLogprobs(tokens) : this.#textLogprobs(tokens)
  }

  #textLogprobs(tokens: readonly TokenPiece[]): CompletionLogprobs {
    return {
      tokens: tokens.map(tokenName),
      token_logprobs: tokens.map((token) => token.logprob),
      top_logprobs: tokens.map(topByName),
      text_offset: tokens.map((token) => {
        const offset = this.#offset
        this.#offset += [...token.released].length
        return offset
      }),
    }
  }
}

/** The most probable tokens and, as in OpenAI's API, always the chosen one. */
function topByName(token: TokenPiece): Record<string, number> | null {
  if (token.logprob === null) return null
  const top = Object.fromEntries(token.top.map((other) => [tokenName(other), other.logprob]))
  top[tokenName(token)] ??= token.logprob
  return top
}

function chatLogprobs(tokens: readonly TokenPiece[]): ChatLogprobs {
  return {
    content: tokens.map((token) => ({
      token: token.text,
      logprob: token.logprob ?? 0,
      bytes: token.bytes,
      top_logprobs: token.top.map(({ text, logprob, bytes }) => ({ token: text, logprob, bytes })),
    })),
    refusal: null,
  }
}

/** Name of a token. Part of a character has no text and is named by its bytes, as in OpenAI's API. */
function tokenName(token: Pick<TokenPiece, 'text' | 'bytes'>): string {
  if (!token.text.includes('\u{FFFD}') && (token.text !== '' || token.bytes.length === 0)) return token.text
  return `bytes:${token.bytes.map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('')}`
}

function usage(receipt: Receipt): Usage {
  return {
    prompt_tokens: receipt.promptTokens,
    completion_tokens: receipt.completionTokens,
    total_tokens: receipt.promptTokens + receipt.completionTokens,
    prompt_tokens_details: { cached_tokens: receipt.cachedTokens },
  }
}

function switchboardFacts(receipt: Receipt): SwitchboardFacts {
  const { truncated } = receipt
  return {
    base_model: receipt.model,
    model_version: receipt.modelVersion ?? null,
    assistant: receipt.assistant ?? null,
    truncated:
      truncated === null
        ? null
        : { dropped_messages: truncated.droppedMessages, dropped_tokens: truncated.droppedTokens },
    seed: receipt.seed,
    provider: receipt.provider,
    precision: receipt.precision,
    queue_ms: receipt.queueMs,
    ttft_ms: receipt.ttftMs,
    total_ms: receipt.totalMs,
    tokens_per_second: receipt.tokensPerSecond,
    ...(receipt.grammarMs === undefined ? {} : { grammar_ms: receipt.grammarMs }),
  }
}

/** Adds a piece of a tool call to the calls of a reply that is not streamed. */
export function addToCalls(calls: ToolCallBody[], event: CallEvent): void {
  if (event.kind === 'toolCall') {
    calls.push({ id: event.id, type: 'function', function: { name: event.name, arguments: '' } })
    return
  }
  const call = calls[event.index]
  if (call === undefined) throw new TypeError(`arguments of call ${event.index}, which has not begun`)
  calls[event.index] = { ...call, function: { ...call.function, arguments: call.function.arguments + event.text } }
}

/** Cancelled replies end as an error and never get here. */
function finishReason(receipt: Receipt, called: boolean): 'stop' | 'length' | 'tool_calls' {
  if (receipt.finishReason === 'length') return 'length'
  return called ? 'tool_calls' : 'stop'
}
