import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ToolCallReader, type ReplyPart } from './tool-call-reader.ts'

const call = (name: string, values: object): string =>
  `<tool_call>\n{"name": "${name}", "arguments": ${JSON.stringify(values)}}\n</tool_call>`

/** The parts of a text that arrives in these pieces, each with one token; pieces of the same part joined. */
function read(pieces: readonly string[]): readonly ReplyPart<string>[] {
  const reader = new ToolCallReader<string>()
  const parts = [...pieces.flatMap((piece) => reader.push(piece, [piece])), ...reader.end()]
  const joined: ReplyPart<string>[] = []
  for (const part of parts) {
    const last = joined.at(-1)
    if (part.kind === 'content' && last?.kind === 'content')
      joined[joined.length - 1] = {
        kind: 'content',
        text: last.text + part.text,
        tokens: [...last.tokens, ...part.tokens],
      }
    else if (part.kind === 'arguments' && last?.kind === 'arguments' && last.index === part.index)
      joined[joined.length - 1] = { ...part, text: last.text + part.text }
    else joined.push(part)
  }
  return joined
}

/** A text cut at these places. */
function cut(text: string, at: readonly number[]): readonly string[] {
  const borders = [0, ...new Set(at.map((one) => one % (text.length + 1)).sort((a, b) => a - b)), text.length]
  return borders
    .slice(1)
    .map((border, index) => text.slice(borders[index], border))
    .filter((piece) => piece !== '')
}

describe('ToolCallReader', () => {
  it('finds calls and their arguments wherever the text is cut', () => {
    const value = fc.oneof(
      fc.string(),
      fc.constantFrom('}', '{"', '\\"}', '"arguments": {', '</tool_call>', '退款'),
      fc.integer(),
      fc.jsonValue({ maxDepth: 2 }),
    )
    const someCall = fc.record({
      name: fc.constantFrom('find_order', 'a', 'B-2'),
      values: fc.dictionary(fc.string(), value, { maxKeys: 3 }),
    })
    fc.assert(
      fc.property(
        fc.array(someCall, { minLength: 1, maxLength: 3 }),
        fc.array(fc.nat(), { maxLength: 12 }),
        (calls, at) => {
          const text = calls.map(({ name, values }) => call(name, values)).join('\n')
          expect(read(cut(text, at))).toEqual(
            calls.flatMap(({ name, values }, index) => [
              { kind: 'call', index, name },
              { kind: 'arguments', index, text: JSON.stringify(values) },
            ]),
          )
        },
      ),
      { numRuns: 200 },
    )
  })

  it('takes everything else as content, with its tokens', () => {
    const text = fc.oneof(
      fc.string(),
      fc.constantFrom('<tool', '<tool_cal', '<', ' <tool_call>', 'Hello <tool_call>', '<tool_calm>'),
    )
    fc.assert(
      fc.property(text, fc.array(fc.nat(), { maxLength: 6 }), (reply, at) => {
        const pieces = cut(reply, at)
        expect(read(pieces)).toEqual(reply === '' ? [] : [{ kind: 'content', text: reply, tokens: pieces }])
      }),
      { numRuns: 200 },
    )
  })

  it('gives what there is of a call that was cut off', () => {
    expect(read(['<tool_call>'])).toEqual([])
    expect(read(['<tool_call>\n{"name": "a", "arguments": {"b": "}'])).toEqual([
      { kind: 'call', index: 0, name: 'a' },
      { kind: 'arguments', index: 0, text: '{"b": "}' },
    ])
  })
})
