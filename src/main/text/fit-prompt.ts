import type { PromptMessage, ToolDescription } from '../../shared/domain/conversation.ts'
import type { Truncation } from '../../shared/domain/generation.ts'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import type { EncodeCache } from './chat-template.ts'
import type { Tokenizer } from './tokenizer.ts'
import type { ReplyInput } from '../answering/answer.ts'

/** Longest reply where the request names no limit and the context has room for it. */
export const DEFAULT_MAX_TOKENS = 1024

export interface Prompt {
  readonly ids: readonly number[]
  /** Tokens the reply may have: what was asked for or the default, and never more than what is left of the context. */
  readonly maxTokens: number
  readonly truncated: Truncation | null
}

export interface PromptLimits {
  /** Tokens of prompt and reply together. */
  readonly contextLength: number
  /** Asked for by the request; undefined takes {@link DEFAULT_MAX_TOKENS}. 0 only scores the prompt. */
  readonly maxTokens: number | undefined
}

/**
 * The prompt's ids, fitted into the context. A chat that outgrew it loses its oldest turns whole (a question with what
 * followed it), never a system prompt and never the turn of the last message, until a quarter of the context (half
 * where
 * the request asks for a longer reply) is free. A limit on the reply is an upper bound and shrinks to what is left; a
 * text or a list of ids is never cut.
 * @throws SwitchboardError context_length_exceeded, invalid_request, template_invalid.
 */
export function fitPrompt(tokenizer: Tokenizer, input: ReplyInput, limits: PromptLimits): Prompt {
  switch (input.kind) {
    case 'chat':
      return fitChat(tokenizer, input.messages, input.tools ?? [], limits)
    case 'text':
      refuseByLength(tokenizer, byteLength(input.prompt), limits)
      return whole([...tokenizer.prefixIds, ...tokenizer.encodeText(input.prompt)], limits)
    case 'ids':
      for (const [index, id] of input.ids.entries()) {
        if (!Number.isInteger(id) || id < 0 || id >= tokenizer.vocabularySize) {
          throw new SwitchboardError(
            'invalid_request',
            `token id ${id} is not in the vocabulary of ${tokenizer.vocabularySize}`,
            { param: `prompt[${index}]` },
          )
        }
      }
      return whole(input.ids, limits)
  }
}

function whole(ids: readonly number[], limits: PromptLimits): Prompt {
  if (ids.length === 0) throw new SwitchboardError('invalid_request', 'the prompt is empty', { param: 'prompt' })
  return { ids, maxTokens: roomFor(ids.length, limits), truncated: null }
}

function fitChat(
  tokenizer: Tokenizer,
  messages: readonly PromptMessage[],
  tools: readonly ToolDescription[],
  limits: PromptLimits,
): Prompt {
  const template = tokenizer.chat
  if (template === null)
    throw new SwitchboardError('template_invalid', 'this model has no chat template; it only completes text', {
      param: 'messages',
    })
  if (messages.length === 0) throw new SwitchboardError('invalid_request', 'there is no message', { param: 'messages' })
  const turns = turnStarts(messages)
  const kept = (dropped: number): readonly PromptMessage[] =>
    dropped === 0 ? messages : messages.filter(({ role }, index) => role === 'system' || index >= (turns[dropped] ?? 0))
  const toolBytes = tools.length === 0 ? 0 : byteLength(JSON.stringify(tools.map(({ parameters }) => parameters)))
  refuseByLength(
    tokenizer,
    kept(turns.length - 1).reduce((sum, { content }) => sum + byteLength(content), toolBytes),
    limits,
  )

  const cache: EncodeCache = new Map()
  const encode = (dropped: number): readonly number[] => template.encode(kept(dropped), cache, tools)
  const all = encode(0)
  const budget = limits.contextLength - reserveFor(limits)
  if (all.length <= budget) return { ids: all, maxTokens: roomFor(all.length, limits), truncated: null }

  // Fewer turns never take more tokens, so the fewest to leave out are found by halving.
  let tooFew = 0
  let most = turns.length - 1
  let ids = most === 0 ? all : encode(most)
  while (most - tooFew > 1 && ids.length <= budget) {
    const middle = (tooFew + most) >> 1
    const tried = encode(middle)
    if (tried.length <= budget) [most, ids] = [middle, tried]
    else tooFew = middle
  }
  const truncated =
    most === 0 ? null : { droppedMessages: messages.length - kept(most).length, droppedTokens: all.length - ids.length }
  return { ids, maxTokens: roomFor(ids.length, limits), truncated }
}

/**
 * Index of the first message of each turn: a question and what follows it. What comes before the first question belongs
 * to it.
 */
function turnStarts(messages: readonly PromptMessage[]): readonly number[] {
  const starts: number[] = []
  for (const [index, { role }] of messages.entries()) if (role === 'user') starts.push(index)
  starts[0] = 0
  return starts
}

/** Tokens to keep free for the reply before turns are left out. */
function reserveFor({ contextLength, maxTokens }: PromptLimits): number {
  return maxTokens === undefined
    ? Math.min(DEFAULT_MAX_TOKENS, Math.floor(contextLength / 4))
    : Math.min(maxTokens, Math.floor(contextLength / 2))
}

function roomFor(promptTokens: number, { contextLength, maxTokens }: PromptLimits): number {
  const needed = maxTokens === 0 ? 0 : 1
  if (promptTokens + needed > contextLength) throw exceeded(promptTokens, contextLength, false)
  return Math.min(maxTokens ?? DEFAULT_MAX_TOKENS, contextLength - promptTokens)
}

/** A text far beyond the context is refused before it is encoded: no token stands for more than so many bytes. */
function refuseByLength(tokenizer: Tokenizer, bytes: number, { contextLength }: PromptLimits): void {
  const fewest = Math.ceil(bytes / tokenizer.longestTokenBytes)
  if (fewest > contextLength) throw exceeded(fewest, contextLength, true)
}

function exceeded(promptTokens: number, contextLength: number, atLeast: boolean): SwitchboardError {
  return new SwitchboardError(
    'context_length_exceeded',
    `the prompt has ${atLeast ? 'at least ' : ''}${promptTokens} tokens and leaves no room for a reply in the context of ${contextLength} tokens`,
    { details: { promptTokens, contextLength } },
  )
}

function byteLength(text: string): number {
  return Buffer.byteLength(text, 'utf8')
}
