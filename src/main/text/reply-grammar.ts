import type { Grammar, GrammarPart, JsonDefinitions } from '../../shared/domain/grammar.ts'
import { toolCallText } from './tool-text.ts'
import type { ReplyStructure } from '../answering/answer.ts'

/** The grammar of a reply: its format, or calls of tools, or either. */
export function grammarOf({ format, tools }: ReplyStructure): Grammar {
  const content: GrammarPart =
    format === null ? { kind: 'free', unless: toolCallText.opening } : { kind: 'json', shape: format.shape }
  if (tools === null) return { definitions: format?.definitions ?? {}, root: content }
  // Arguments by name: every one of several calls may have them.
  const argumentsName = (name: string): string => `${name}()`
  const definitions: JsonDefinitions = Object.fromEntries([
    ...Object.entries(format?.definitions ?? {}),
    ...tools.callable.flatMap(({ name, arguments: { shape, definitions: own } }) => [
      ...Object.entries(own),
      [argumentsName(name), shape] as const,
    ]),
  ])
  const call: GrammarPart = {
    kind: 'choice',
    options: tools.callable.map(({ name }) => ({
      kind: 'sequence',
      parts: [
        { kind: 'text', text: `${toolCallText.beforeName}${name}${toolCallText.beforeArguments}` },
        { kind: 'json', shape: { kind: 'reference', name: argumentsName(name) } },
        { kind: 'text', text: toolCallText.afterArguments },
      ],
    })),
  }
  let calls: GrammarPart = call
  for (let count = 1; count < tools.mostCalls; count += 1) {
    const more: GrammarPart = { kind: 'sequence', parts: [{ kind: 'text', text: toolCallText.between }, calls] }
    calls = { kind: 'sequence', parts: [call, { kind: 'choice', options: [{ kind: 'text', text: '' }, more] }] }
  }
  return { definitions, root: tools.required ? calls : { kind: 'choice', options: [calls, content] } }
}
