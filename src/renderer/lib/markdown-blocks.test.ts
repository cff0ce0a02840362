import fc from 'fast-check'
import { expect, test } from 'vitest'
import { markdownBlocks } from './markdown-blocks.ts'

test.each([
  ['paragraphs split at blank lines', 'one\ntwo\n\nthree', ['one\ntwo', 'three']],
  [
    'a fence stays whole with its blank lines',
    'text\n\n```js\na\n\nb\n```\n\nafter',
    ['text', '```js\na\n\nb\n```', 'after'],
  ],
  ['an open fence keeps everything that follows', '```\na\n\nb', ['```\na\n\nb']],
  [
    'a fence is not closed by another kind or a shorter one',
    '````\na\n```\n\n~~~~\n````\n\nb',
    ['````\na\n```\n\n~~~~\n````', 'b'],
  ],
  ['a loose list stays one list', '1. a\n\n2. b\n\nafter', ['1. a\n\n2. b', 'after']],
  ['a list item keeps its indented paragraph', '- a\n\n  more\n\nafter', ['- a\n\n  more', 'after']],
  ['a list after a paragraph starts a block', 'text\n\n- a', ['text', '- a']],
  [
    'a block that uses a reference link knows where it leads',
    'See [our page][Returns] and [faq].\n\nMore.\n\n[returns]: https://a.example\n[faq]: https://b.example',
    [
      'See [our page][Returns] and [faq].\n\n[returns]: https://a.example\n[faq]: https://b.example',
      'More.',
      '[returns]: https://a.example\n[faq]: https://b.example',
    ],
  ],
  [
    'what looks like a definition inside a fence is code',
    '```\n[a]: https://a.example\n```\n\n[a]',
    ['```\n[a]: https://a.example\n```', '[a]'],
  ],
  ['blank text has no blocks', '\n \n', []],
] as const)('%s', (_name, markdown, blocks) => {
  expect(markdownBlocks(markdown)).toEqual(blocks)
})

test('no text is lost, whatever comes', () => {
  const line = fc.constantFrom('', 'text', '- a', '  b', '```', '~~~', '> q', '1. x', '    code')
  fc.assert(
    fc.property(fc.array(line, { maxLength: 30 }), (lines) => {
      const solid = (text: string): readonly string[] => text.split('\n').filter((part) => part.trim() !== '')
      expect(markdownBlocks(lines.join('\n')).flatMap(solid)).toEqual(solid(lines.join('\n')))
    }),
  )
})

test('while text grows, finished blocks stay the same, so that they need no new rendering', () => {
  const text = 'First paragraph.\n\nSecond one.\n\n```\ncode\n\nmore\n```\n\nLast.'
  const lengths = Array.from({ length: text.length }, (_, index) => markdownBlocks(text.slice(0, index + 1)))
  lengths.slice(1).forEach((blocks, index) => {
    const before = lengths[index] ?? []
    expect(blocks.slice(0, Math.max(0, before.length - 1))).toEqual(before.slice(0, -1))
  })
})

test('the time grows with the length of the text, not with its square', () => {
  // A splitter that looks ahead at every blank line needs minutes for this text; the limit of the test ends it.
  expect(markdownBlocks('\n'.repeat(400_000))).toEqual([])
  expect(markdownBlocks('- a\n\n'.repeat(100_000))).toHaveLength(1)
}, 20_000)
