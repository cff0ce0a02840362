import type { PromptMessage, ToolDescription } from '../../shared/domain/conversation.ts'

/**
 * Whether a template is likely to write tools and calls the way replies are read (tool-text.ts): calls as JSON between
 * `<tool_call>` marks. Templates with another form of calls are told of tools in words instead.
 */
export function mayKnowTools(source: string): boolean {
  return (
    source.includes('tools') &&
    source.includes('<tool_call>') &&
    source.includes('arguments') &&
    source.includes('tojson') &&
    !source.includes('<function=')
  )
}

/** A message as templates expect it (the format of transformers' apply_chat_template). `hide` may replace texts. */
export function templateMessage(
  { role, toolCalls }: PromptMessage,
  content: string,
  hide: (text: string) => string,
): object {
  if (toolCalls === undefined || toolCalls.length === 0) return { role, content }
  return {
    role,
    content,
    tool_calls: toolCalls.map(({ name, arguments: values }) => ({
      type: 'function',
      function: { name: hide(name), arguments: hideTexts(values, hide) },
    })),
  }
}

/** A tool in the same format: the keys that templates look at stay, every other text may be replaced. */
export function templateTool(
  { name, description, parameters }: ToolDescription,
  hide: (text: string) => string,
): object {
  return {
    type: 'function',
    function: {
      name: hide(name),
      ...(description === null ? {} : { description: hide(description) }),
      parameters: hideTexts(parameters, hide),
    },
  }
}

function hideTexts(value: unknown, hide: (text: string) => string): unknown {
  if (typeof value === 'string') return hide(value)
  if (Array.isArray(value)) return value.map((item: unknown) => hideTexts(item, hide))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [hide(key), hideTexts(item, hide)]))
}

/** Texts that show what a template does to them: letters of both cases, marks, blanks, other scripts. */
const sample = (name: string): string => ` ${name} "Quoted" <b>&amp;</b> {{ x }} \\n \n ÄÖ 退款 '🎁' `

export const canaryTools: readonly ToolDescription[] = [
  {
    name: 'Find_order',
    description: sample('Finds'),
    parameters: {
      type: 'object',
      properties: { [sample('Key')]: { type: 'string', enum: [sample('One'), 'two'] }, 数量: { type: 'integer' } },
      required: [],
    },
  },
  { name: 'other', description: null, parameters: { type: 'object', properties: {} } },
]

export const canaryWithTools: readonly PromptMessage[] = [
  { role: 'system', content: 'Be brief.' },
  { role: 'user', content: 'first' },
  {
    role: 'assistant',
    content: '',
    toolCalls: [
      { name: 'Find_order', arguments: { [sample('Key')]: sample('Value'), 数量: 2, list: [true, null, 1.5, {}] } },
      { name: 'other', arguments: {} },
    ],
  },
  { role: 'tool', content: '{"Found": true}' },
  { role: 'tool', content: 'Second' },
  { role: 'assistant', content: 'Third' },
  { role: 'user', content: 'fourth' },
]
