import type { PromptMessage, ToolDescription } from '../../shared/domain/conversation.ts'

/**
 * Whether a template seems to write tools and calls in the form in which replies are read (tool-text.ts): calls as JSON
 * between `<tool_call>` marks. Otherwise tools are written as text.
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

/** A message in the format of transformers' apply_chat_template. `hide` may replace texts. */
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

/** A tool in the same format: keys that templates read stay, every other text may be replaced. */
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
