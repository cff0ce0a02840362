import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Template } from '@huggingface/jinja'
import { Tokenizer as LibraryTokenizer } from '@huggingface/tokenizers'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { PromptMessage } from '../../shared/domain/conversation.ts'
import { controlIdsOf } from './tokenizer.fixture.ts'
import { loadTokenizer } from './tokenizer.ts'

const folder = fileURLToPath(new URL('../../../resources/models/demo/', import.meta.url))
const read = (name: string): Record<string, unknown> =>
  JSON.parse(readFileSync(folder + name, 'utf8')) as Record<string, unknown>

describe('the tokenizer of the demo model', () => {
  const tokenizer = loadTokenizer(folder)
  const controls = new Set(controlIdsOf(read('tokenizer.json')).values())
  const words = fc
    .array(
      fc.constantFrom(
        'hello',
        ' order',
        ' 4711',
        '\n',
        '我想退款',
        '，',
        '¿dónde',
        ' está?',
        '👍',
        'ß',
        ' ',
        '<|im_end|>',
        '<|endoftext|>',
        '<',
        '|>',
      ),
      { maxLength: 10 },
    )
    .map((parts) => parts.join(''))
  const plainWords = words.filter((text) => !text.includes('<|'))

  it('brings any text back', () => {
    fc.assert(
      fc.property(fc.oneof(words, fc.string({ unit: 'grapheme' })), (text) => {
        const ids = tokenizer.encodeText(text)
        expect(ids.filter((id) => controls.has(id))).toEqual([])
        expect(tokenizer.decode(ids)).toBe(text.toWellFormed())
      }),
      { numRuns: 200 },
    )
  })

  it('renders conversations as the reference does', () => {
    const { chat_template: template, ...config } = read('tokenizer_config.json')
    const reference = new LibraryTokenizer(read('tokenizer.json'), config)
    const parsed = new Template(String(template))
    const message: fc.Arbitrary<PromptMessage> = fc.record({
      role: fc.constantFrom('user', 'assistant') as fc.Arbitrary<PromptMessage['role']>,
      content: plainWords,
    })
    fc.assert(
      fc.property(fc.array(message, { minLength: 1, maxLength: 4 }), plainWords, (turns, system) => {
        const messages = [{ role: 'system', content: system } as const, ...turns]
        const text = parsed.render({ ...config, messages, add_generation_prompt: true, tools: null })
        expect(tokenizer.chat?.encode(messages)).toEqual(reference.encode(text, { add_special_tokens: false }).ids)
      }),
      { numRuns: 100 },
    )
  })
})
