import type { PromptMessage, ToolDescription } from '../../shared/domain/conversation.ts'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import { render, renderPieces } from './render-pieces.ts'
import type { ParsedTemplate } from './template-interpreter.ts'
import { templateMessage, templateTool } from './template-tools.ts'

type NamedTokens = Readonly<Record<string, string>>

/**
 * Whether the template renders system prompts. Renders a sample conversation with its contents, as the template means
 * it, and with placeholders: both must agree, so that a template that changes contents is refused when it is loaded
 * instead of spoiling replies.
 * @throws SwitchboardError template_invalid when it changes contents of other messages, or fails.
 */
export function rendersSystem(template: ParsedTemplate, namedTokens: NamedTokens): boolean {
  try {
    compare(template, namedTokens, plainCanary)
  } catch (thrown) {
    if (thrown instanceof SwitchboardError && thrown.code === 'template_invalid') throw thrown
    throw new SwitchboardError(
      'template_invalid',
      `the chat template fails on a plain conversation: ${thrown instanceof Error ? thrown.message : 'unknown error'}`,
      { cause: thrown },
    )
  }
  try {
    compare(template, namedTokens, systemCanary)
    return true
  } catch (thrown) {
    if (thrown instanceof SwitchboardError && (thrown.code === 'invalid_request' || thrown.param === 'messages[0]'))
      return false
    throw thrown
  }
}

/** Whether tools, calls and results come out of the template as they went in; otherwise they are written as text. */
export function rendersTools(template: ParsedTemplate, namedTokens: NamedTokens): boolean {
  try {
    compare(template, namedTokens, toolCanary, canaryTools)
    return true
  } catch (thrown) {
    if (thrown instanceof Error) return false
    throw thrown
  }
}

function compare(
  template: ParsedTemplate,
  namedTokens: NamedTokens,
  messages: readonly PromptMessage[],
  tools: readonly ToolDescription[] = [],
): void {
  const spliced = renderPieces(template, namedTokens, messages, tools)
    .map(({ text }) => text)
    .join('')
  const asIs = (text: string): string => text
  if (
    spliced !==
    render(
      template,
      namedTokens,
      messages.map((message) => templateMessage(message, message.content, asIs)),
      tools.map((tool) => templateTool(tool, asIs)),
    )
  )
    throw new SwitchboardError(
      'template_invalid',
      'the chat template changes the content of messages in a way that is not supported',
    )
}

/** A content on which every change shows: blanks at both ends, letters of both cases, marks, length. */
const content = (name: string): string =>
  `  \n ${name} "Quoted" <b>&amp;</b> {{ x }} \\n ÄÖ 退款 ${'long '.repeat(100)}\n 🎁 \t`
const plainCanary: readonly PromptMessage[] = [
  { role: 'user', content: content('First') },
  { role: 'assistant', content: content('Second') },
  { role: 'user', content: 'third' },
]
const systemCanary: readonly PromptMessage[] = [{ role: 'system', content: content('System') }, ...plainCanary]

/** A text inside JSON on which every change shows. */
const value = (name: string): string => ` ${name} "Quoted" <b>&amp;</b> {{ x }} \\n \n ÄÖ 退款 '🎁' `

const canaryTools: readonly ToolDescription[] = [
  {
    name: 'Find_order',
    description: value('Finds'),
    parameters: {
      type: 'object',
      properties: { [value('Key')]: { type: 'string', enum: [value('One'), 'two'] }, 数量: { type: 'integer' } },
      required: [],
    },
  },
  { name: 'other', description: null, parameters: { type: 'object', properties: {} } },
]

const toolCanary: readonly PromptMessage[] = [
  { role: 'system', content: 'Be brief.' },
  { role: 'user', content: 'first' },
  {
    role: 'assistant',
    content: '',
    toolCalls: [
      { name: 'Find_order', arguments: { [value('Key')]: value('Value'), 数量: 2, list: [true, null, 1.5, {}] } },
      { name: 'other', arguments: {} },
    ],
  },
  { role: 'tool', content: '{"Found": true}' },
  { role: 'tool', content: 'Second' },
  { role: 'assistant', content: 'Third' },
  { role: 'user', content: 'fourth' },
]
