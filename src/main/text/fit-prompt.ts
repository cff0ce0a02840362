import type { AskInput } from '../../shared/domain/ask.ts'
import type { PromptMessage } from '../../shared/domain/conversation.ts'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import type { EncodeCache } from './id-writer.ts'
import type { Prompt, PromptLimits } from './text-service.ts'
import type { Tokenizer } from './tokenizer.ts'

/** Longest reply where the request sets no limit and the context has room for it. */
const DEFAULT_MAX_TOKENS = 1024

/**
 * The prompt's ids, fitted into the context. A chat that outgrew the context loses its oldest turns (a question and
 * what follows it), never a system prompt and never the last turn, until a quarter of the context (half where the
 * request asks for a longer reply) is free. The begun text of a reply is never cut either. A limit on the reply is an
 * upper bound and shrinks to what is left; texts and lists of ids are never cut.
 * @throws SwitchboardError context_length_exceeded, invalid_request, template_invalid.
 */
export function fitPrompt(tokenizer: Tokenizer, input: AskInput, limits: PromptLimits): Prompt {
  switch (input.kind) {
    case 'chat':
      return fitChat(tokenizer, input, limits)
    case 'text':
      return whole([...tokenizer.prefixIds, ...tokenizer.encodeText(input.prompt)], limits)
    case 'ids':
      return fitIds(input.ids, tokenizer.vocabularySize, limits)
  }
}

/** The prompt of ids as they are. @throws SwitchboardError context_length_exceeded, invalid_request. */
export function fitIds(ids: readonly number[], vocabularySize: number, limits: PromptLimits): Prompt {
  for (const [index, id] of ids.entries()) {
    if (!Number.isInteger(id) || id < 0 || id >= vocabularySize) {
      throw new SwitchboardError('invalid_request', `token id ${id} is not in the vocabulary of ${vocabularySize}`, {
        param: `prompt[${index}]`,
      })
    }
  }
  return whole(ids, limits)
}

/** UTF-8 bytes of all texts of a prompt: what encoding it costs. */
export function promptBytes(input: AskInput): number {
  switch (input.kind) {
    case 'chat':
      return minChatBytes(input, input.messages) + jsonBytes(input.messages.flatMap(({ toolCalls = [] }) => toolCalls))
    case 'text':
      return Buffer.byteLength(input.prompt)
    case 'ids':
      return 0
  }
}

/**
 * Refuses a prompt far beyond the context before it is encoded: its texts, without the turns that may be left out, have
 * at least bytes / `maxTokenBytes` tokens.
 * @throws SwitchboardError context_length_exceeded.
 */
export function refuseOversized(input: AskInput, maxTokenBytes: number, { contextLength }: PromptLimits): void {
  const bytes =
    input.kind === 'chat'
      ? minChatBytes(input, withoutTurns(input.messages, turnStarts(input.messages).at(-1) ?? 0))
      : promptBytes(input)
  const minTokens = Math.ceil(bytes / maxTokenBytes)
  if (minTokens > contextLength) throw exceeded(minTokens, contextLength, true)
}

/** Of what every template writes: contents, the parameters of tools, the begun reply. */
function minChatBytes(
  { tools = [], begun = '' }: Extract<AskInput, { kind: 'chat' }>,
  messages: readonly PromptMessage[],
): number {
  const contents = messages.reduce((sum, { content }) => sum + Buffer.byteLength(content), 0)
  return contents + jsonBytes(tools.map(({ parameters }) => parameters)) + Buffer.byteLength(begun)
}

function jsonBytes(values: readonly unknown[]): number {
  return values.length === 0 ? 0 : Buffer.byteLength(JSON.stringify(values))
}

function whole(ids: readonly number[], limits: PromptLimits): Prompt {
  if (ids.length === 0) throw new SwitchboardError('invalid_request', 'the prompt is empty', { param: 'prompt' })
  return { ids, maxTokens: roomFor(ids.length, limits), truncated: null }
}

function fitChat(
  tokenizer: Tokenizer,
  { messages, tools = [], begun = '' }: Extract<AskInput, { kind: 'chat' }>,
  limits: PromptLimits,
): Prompt {
  const template = tokenizer.chat
  if (template === null)
    throw new SwitchboardError('template_invalid', 'this model has no chat template; it only completes text', {
      param: 'messages',
    })
  if (messages.length === 0) throw new SwitchboardError('invalid_request', 'there is no message', { param: 'messages' })
  const turns = turnStarts(messages)
  const kept = (dropped: number): readonly PromptMessage[] => withoutTurns(messages, turns[dropped] ?? 0)
  const cache: EncodeCache = new Map()
  // Encoded apart from the template's text, as the reply was written: the prompt before it keeps its tokens.
  const begunIds = tokenizer.encodeText(begun)
  const encode = (dropped: number): readonly number[] => [...template.encode(kept(dropped), cache, tools), ...begunIds]
  const all = encode(0)
  const budget = limits.contextLength - reserveFor(limits)
  if (all.length <= budget) return { ids: all, maxTokens: roomFor(all.length, limits), truncated: null }

  const last = turns.length - 1
  const lengthWithout = (turn: number): number => (turn === 0 ? all.length : encode(turn).length)
  const fewest = smallest(0, last, (turn) => lengthWithout(turn) <= budget) ?? last
  const dropped = fewest === 0 ? 0 : atBlockEnd(fewest, last, limits, (turn) => all.length - lengthWithout(turn))
  const ids = dropped === 0 ? all : encode(dropped)
  const truncated =
    dropped === 0
      ? null
      : { droppedMessages: messages.length - kept(dropped).length, droppedTokens: all.length - ids.length }
  return { ids, maxTokens: roomFor(ids.length, limits), truncated }
}

/**
 * How many turns to leave out, at least `fewest`: whole blocks of a quarter of the context, counted from the start of the
 * conversation. The prompts of a conversation that grows then begin alike for many turns, and only the new turn is
 * computed; with the fewest turns left out every prompt would begin elsewhere and be computed anew.
 * @param tokensIn tokens of the first turns.
 */
function atBlockEnd(
  fewest: number,
  last: number,
  { contextLength }: PromptLimits,
  tokensIn: (turns: number) => number,
): number {
  const block = Math.max(1, Math.floor(contextLength / 4))
  const end = (Math.floor(tokensIn(fewest - 1) / block) + 1) * block
  return smallest(fewest, last, (turns) => tokensIn(turns) >= end) ?? fewest
}

/** The smallest number from `low` to `high` for which `holds`, which holds for all above it; null where it holds for none. */
function smallest(low: number, high: number, holds: (value: number) => boolean): number | null {
  if (!holds(high)) return null
  let [below, found] = [low - 1, high]
  while (found - below > 1) {
    const middle = (below + found) >> 1
    if (holds(middle)) found = middle
    else below = middle
  }
  return found
}

/** Index of the first message of each turn. What comes before the first question belongs to the first turn. */
function turnStarts(messages: readonly PromptMessage[]): readonly number[] {
  const starts: number[] = []
  for (const [index, { role }] of messages.entries()) if (role === 'user') starts.push(index)
  starts[0] = 0
  return starts
}

/** The messages from `start` on, and all system prompts. */
function withoutTurns(messages: readonly PromptMessage[], start: number): readonly PromptMessage[] {
  return start === 0 ? messages : messages.filter(({ role }, index) => role === 'system' || index >= start)
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

function exceeded(promptTokens: number, contextLength: number, atLeast: boolean): SwitchboardError {
  return new SwitchboardError(
    'context_length_exceeded',
    `the prompt has ${atLeast ? 'at least ' : ''}${promptTokens} tokens and leaves no room for a reply in the context of ${contextLength} tokens`,
    { details: { promptTokens, contextLength } },
  )
}
