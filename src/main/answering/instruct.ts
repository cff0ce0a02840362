import type { Ask } from '../../shared/domain/ask.ts'
import type { PromptMessage } from '../../shared/domain/conversation.ts'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import type { Stage } from './answer.ts'

/** Puts the assistant's system prompt before the messages, and its parameters under those of the request. */
export const instruct: Stage = (next) => ({
  answer: (ask, signal) => next.answer(instructed(ask), signal),
})

/** @throws SwitchboardError invalid_request for a raw completion: an assistant's prompt has no place in it. */
export function instructed(ask: Ask): Ask {
  const { instructions, input } = ask
  if (instructions === null) return ask
  if (input.kind !== 'chat')
    throw new SwitchboardError(
      'invalid_request',
      `${ask.target.name} is an assistant and answers chats only; name a model to complete a text`,
      { param: 'model' },
    )
  return {
    ...ask,
    input: { ...input, messages: withSystemPrompt(instructions.systemPrompt, input.messages) },
    parameters: { ...instructions.parameters, ...given(ask.parameters) },
    instructions: null,
  }
}

/** Templates know one system message at the start: the assistant's prompt comes before the request's in the same one. */
function withSystemPrompt(prompt: string, messages: readonly PromptMessage[]): readonly PromptMessage[] {
  if (prompt.trim() === '') return messages
  const [first, ...rest] = messages
  if (first?.role !== 'system') return [{ role: 'system', content: prompt }, ...messages]
  return [{ role: 'system', content: `${prompt}\n\n${first.content}` }, ...rest]
}

/** Without the fields that are undefined, which would hide the assistant's. */
function given<Fields extends object>(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Fields
}
