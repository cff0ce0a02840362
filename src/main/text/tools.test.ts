import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { PromptMessage, ToolDescription } from '../../shared/domain/conversation.ts'
import { byteLevelJson, chatMlTemplate, controlIdsOf, fixtureConfig, toolTemplate } from './tokenizer.fixture.ts'
import { tokenizerFrom, type Tokenizer } from './tokenizer.ts'

const withTemplate = (template: string): Tokenizer =>
  tokenizerFrom(byteLevelJson(), { ...fixtureConfig, chat_template: template })
const knowing = withTemplate(toolTemplate)
const ignorant = withTemplate(chatMlTemplate)
const controlIds = controlIdsOf(byteLevelJson())
const controls = new Set(controlIds.values())

const tools: readonly ToolDescription[] = [
  {
    name: 'find_order',
    description: 'Says "where" it is <|im_end|>',
    parameters: { type: 'object', properties: { 订单: { type: 'integer' } }, required: ['订单'] },
  },
  { name: 'clock', description: null, parameters: { type: 'object', properties: {} } },
]
const history: readonly PromptMessage[] = [
  { role: 'system', content: 'Be brief.' },
  { role: 'user', content: 'hello' },
  {
    role: 'assistant',
    content: '',
    toolCalls: [
      { name: 'find_order', arguments: { 订单: 7, 'a"b': [true, null, 'x\ny'] } },
      { name: 'clock', arguments: {} },
    ],
  },
  { role: 'tool', content: '{"state": "sent"}' },
  { role: 'tool', content: '12:00' },
]
const text = (
  tokenizer: Tokenizer,
  messages: readonly PromptMessage[],
  some: readonly ToolDescription[] = tools,
): string => tokenizer.decode(tokenizer.chat?.encode(messages, undefined, some) ?? [])

const described = [
  '# Tools',
  '',
  'You may call one or more functions to assist with the user query.',
  '',
  'You are provided with function signatures within <tools></tools> XML tags:',
  '<tools>',
  '{"type": "function", "function": {"name": "find_order", "description": "Says \\"where\\" it is <|im_end|>", "parameters": {"type": "object", "properties": {"订单": {"type": "integer"}}, "required": ["订单"]}}}',
  '{"type": "function", "function": {"name": "clock", "parameters": {"type": "object", "properties": {}}}}',
  '</tools>',
  '',
  'For each function call, return a json object with function name and arguments within <tool_call></tool_call> XML tags:',
  '<tool_call>',
  '{"name": <function-name>, "arguments": <args-json-object>}',
  '</tool_call>',
].join('\n')
const called =
  '<tool_call>\n{"name": "find_order", "arguments": {"订单": 7, "a\\"b": [true, null, "x\\ny"]}}\n</tool_call>\n<tool_call>\n{"name": "clock", "arguments": {}}\n</tool_call>'
const given = '<tool_response>\n{"state": "sent"}\n</tool_response>\n<tool_response>\n12:00\n</tool_response>'
const prompt = `system\nBe brief.\n\n${described}\nuser\nhello\nassistant\n${called}\nuser\n${given}\nassistant\n`
/** Blanks between the parts of JSON are the template's own business. */
const closely = (written: string): string => written.replaceAll(/([:,]) (?=["[{0-9tn])/gu, '$1')

describe('tools in a prompt', () => {
  it('are written by a template that knows them', () => {
    expect([knowing.chat?.supportsTools, ignorant.chat?.supportsTools]).toEqual([true, false])
    expect(text(knowing, history)).toBe(prompt)
  })

  it('are written the same way for a template that does not', () => {
    expect(closely(text(ignorant, history))).toBe(closely(prompt))
    expect(closely(text(ignorant, history.slice(1, 2)))).toBe(closely(`system\n${described}\nuser\nhello\nassistant\n`))
    expect(text(ignorant, history.slice(0, 2), [])).toBe('system\nBe brief.\nuser\nhello\nassistant\n')
  })

  it('never give a control token, whatever names, descriptions, arguments and results say', () => {
    const attack = fc
      .array(
        fc.constantFrom(
          '<|im_start|>',
          '<|im_end|>',
          '<|endoftext|>',
          '<|im_',
          'end|>',
          'system\n',
          '"',
          '\\',
          '\uE0B0sB0\uE0B1',
          '\u2003',
          '</tools>',
          '{{ 1 }}',
          '退',
          '\ud800',
        ),
        { maxLength: 6 },
      )
      .map((parts) => parts.join(''))
    const someValues = fc.dictionary(
      attack,
      fc.oneof(attack, fc.array(attack, { maxLength: 2 }), fc.dictionary(attack, attack, { maxKeys: 2 })),
      { maxKeys: 3 },
    )
    fc.assert(
      fc.property(attack, attack, someValues, someValues, attack, (name, description, parameters, values, result) => {
        const messages: readonly PromptMessage[] = [
          { role: 'user', content: 'hello' },
          { role: 'assistant', content: '', toolCalls: [{ name, arguments: values }] },
          { role: 'tool', content: result },
        ]
        for (const tokenizer of [knowing, ignorant]) {
          const ids = tokenizer.chat?.encode(messages, undefined, [{ name, description, parameters }]) ?? []
          const expected = [
            ...['system', 'user', 'assistant', 'user'].flatMap(() => ['<|im_start|>', '<|im_end|>']),
            '<|im_start|>',
          ].map((control) => controlIds.get(control))
          expect(ids.filter((id) => controls.has(id))).toEqual(expected)
          expect(tokenizer.decode(ids)).toContain(`<tool_response>\n${result.toWellFormed()}\n</tool_response>`)
        }
      }),
      { numRuns: 60 },
    )
  })

  it.each([
    ['changes them', toolTemplate.replace('tool | tojson', '(tool | tojson | upper)')],
    ['leaves results out', toolTemplate.replace("{{- message.content }}\n        {{- '\\n</tool_response>' }}", '')],
    ['writes calls in another form', toolTemplate.replaceAll('<tool_call>', '<function=')],
  ])('are put into the texts where a template %s', (_, template) => {
    expect(template).not.toBe(toolTemplate)
    const tokenizer = withTemplate(template)
    expect(tokenizer.chat?.supportsTools).toBe(false)
    expect(closely(text(tokenizer, history.slice(0, 2)))).toBe(
      closely(`system\nBe brief.\n\n${described}\nuser\nhello\nassistant\n`),
    )
  })
})
