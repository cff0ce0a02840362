import type { AskStructure } from '../../shared/domain/ask.ts'
import type { Grammar, GrammarPart, JsonDefinitions } from '../../shared/domain/grammar.ts'
import { toolCallText } from './tool-text.ts'

/** The grammar of a reply: its format, tool calls, or a choice of both. */
export function grammarOf({ format, tools }: AskStructure): Grammar {
  const content: GrammarPart =
    format === null ? { kind: 'free', unless: toolCallText.opening } : { kind: 'json', shape: format.shape }
  if (tools === null) return { definitions: format?.definitions ?? {}, root: content }
  // Arguments are referenced by name, because each of several calls may use them.
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
  for (let count = 1; count < tools.maxCalls; count += 1) {
    const further: GrammarPart = { kind: 'sequence', parts: [{ kind: 'text', text: toolCallText.between }, calls] }
    calls = { kind: 'sequence', parts: [call, { kind: 'choice', options: [{ kind: 'text', text: '' }, further] }] }
  }
  return { definitions, root: tools.required ? calls : { kind: 'choice', options: [calls, content] } }
}
