import type { PromptMessage, ToolCall, ToolDescription } from '../../shared/domain/conversation.ts'

/**
 * How a tool call is written in a reply, as Qwen 2.5 and the Hermes models are trained to:
 * `<tool_call>\n{"name": "x", "arguments": {...}}\n</tool_call>`. Other models are asked to write it so.
 */
export const toolCallText = {
  opening: '<tool_call>',
  beforeName: '<tool_call>\n{"name": "',
  beforeArguments: '", "arguments": ',
  afterArguments: '}\n</tool_call>',
  between: '\n',
} as const

/** Messages for a template without tools: tools, calls and results become part of the texts. */
export function withToolsAsText(
  messages: readonly PromptMessage[],
  tools: readonly ToolDescription[],
): readonly PromptMessage[] {
  const written = joinToolResults(messages)
  if (tools.length === 0) return written
  const description = describe(tools)
  const [first, ...others] = written
  return first?.role === 'system'
    ? [
        { role: 'system', content: first.content === '' ? description : `${first.content}\n\n${description}` },
        ...others,
      ]
    : [{ role: 'system', content: description }, ...written]
}

function describe(tools: readonly ToolDescription[]): string {
  const lines = tools.map(({ name, description, parameters }) =>
    JSON.stringify({
      type: 'function',
      function: { name, ...(description === null ? {} : { description }), parameters },
    }),
  )
  return [
    '# Tools',
    '',
    'You may call one or more functions to assist with the user query.',
    '',
    'You are provided with function signatures within <tools></tools> XML tags:',
    '<tools>',
    ...lines,
    '</tools>',
    '',
    'For each function call, return a json object with function name and arguments within <tool_call></tool_call> XML tags:',
    '<tool_call>',
    '{"name": <function-name>, "arguments": <args-json-object>}',
    '</tool_call>',
  ].join('\n')
}

/** Writes calls as replies do, and consecutive results as one user message, because roles alternate. */
function joinToolResults(messages: readonly PromptMessage[]): readonly PromptMessage[] {
  const written: PromptMessage[] = []
  let inResults = false
  for (const message of messages) {
    if (message.role === 'tool') {
      const content = `<tool_response>\n${message.content}\n</tool_response>`
      const previous = written.at(-1)
      if (inResults && previous !== undefined)
        written[written.length - 1] = { role: 'user', content: `${previous.content}\n${content}` }
      else written.push({ role: 'user', content })
      inResults = true
      continue
    }
    inResults = false
    const { role, content, toolCalls = [] } = message
    written.push({ role, content: [...(content === '' ? [] : [content]), ...toolCalls.map(callText)].join('\n') })
  }
  return written
}

function callText({ name, arguments: values }: ToolCall): string {
  return `${toolCallText.beforeName}${name}${toolCallText.beforeArguments}${JSON.stringify(values)}${toolCallText.afterArguments}`
}
