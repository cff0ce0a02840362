import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { AskInput } from '../../shared/domain/ask.ts'
import type { PromptMessage } from '../../shared/domain/conversation.ts'
import { fitPrompt, refuseOversized } from './fit-prompt.ts'
import type { Prompt } from './text-service.ts'
import { byteFallbackJson, byteLevelJson, controlIdsOf, fixtureConfig } from './tokenizer.fixture.ts'
import { loadTokenizer, tokenizerFrom } from './tokenizer.ts'

/** Control tokens of the demo model. */
const IM_START = 1
const IM_END = 2
const SPACE = 0x20

const tokenizer = tokenizerFrom(byteLevelJson(), fixtureConfig)
const endId = controlIdsOf(byteLevelJson()).get('<|im_end|>') ?? -1
const user = (content: string): PromptMessage => ({ role: 'user', content })
const assistant = (content: string): PromptMessage => ({ role: 'assistant', content })
const count = (messages: readonly PromptMessage[]): number => tokenizer.chat?.encode(messages).length ?? 0
/** Fitted into a context of 100 tokens, of which a quarter is kept free for the reply. */
const fit = (input: AskInput, maxTokens?: number): Prompt =>
  fitPrompt(tokenizer, input, { contextLength: 100, maxTokens })
const chat = (messages: readonly PromptMessage[], begun?: string): AskInput =>
  begun === undefined ? { kind: 'chat', messages } : { kind: 'chat', messages, begun }
const ids = (length: number): AskInput => ({ kind: 'ids', ids: Array.from({ length }, () => 65) })

describe('a chat that outgrew the context', () => {
  it('loses its oldest turns whole, never the system prompt or the last message', () => {
    const messages = [
      { role: 'system', content: 'Be kind.' } as const,
      user('first question'),
      assistant('first answer'),
      user('second question'),
      assistant('second answer'),
      user('last one'),
    ]
    const kept = [...messages.slice(0, 1), ...messages.slice(3)]
    expect([count(messages) > 75, count(kept) <= 75]).toEqual([true, true])
    expect(fit(chat(messages))).toEqual({
      ids: tokenizer.chat?.encode(kept),
      maxTokens: 100 - count(kept),
      truncated: { droppedMessages: 2, droppedTokens: count(messages) - count(kept) },
    })
  })

  it('keeps its last turns: as many as fit, less at most a block of a quarter of the context, for any history', () => {
    const message = fc.record({
      role: fc.constantFrom('system', 'user', 'assistant') as fc.Arbitrary<PromptMessage['role']>,
      content: fc.string({ maxLength: 12 }),
    })
    fc.assert(
      fc.property(fc.array(message, { maxLength: 16 }), (history) => {
        const messages = [...history, user('end')]
        const starts = messages.flatMap(({ role }, index) => (role === 'user' ? [index] : []))
        const choices = starts.map((start, turn) =>
          turn === 0 ? messages : messages.filter(({ role }, index) => role === 'system' || index >= start),
        )
        const fits = choices.findIndex((choice) => count(choice) <= 75)
        const fewest = fits === -1 ? choices.length - 1 : fits
        const longest = count(choices[fewest] ?? [])
        if (longest > 99) {
          expect(() => fit(chat(messages))).toThrow(
            expect.objectContaining({
              code: 'context_length_exceeded',
              details: { promptTokens: longest, contextLength: 100 },
            }),
          )
          return
        }
        const { ids: found, truncated } = fit(chat(messages))
        const dropped = choices.findIndex(
          ({ length }) => messages.length - length === (truncated?.droppedMessages ?? 0),
        )
        expect(found).toEqual(tokenizer.chat?.encode(choices[dropped] ?? []))
        expect(truncated?.droppedTokens ?? 0).toBe(count(messages) - found.length)
        expect(dropped).toBeGreaterThanOrEqual(fewest)
        // Without the last of the turns left out beyond the fewest, less than a block more would be gone.
        if (dropped > fewest) expect(longest - count(choices[dropped - 1] ?? [])).toBeLessThan(25)
      }),
      { numRuns: 200 },
    )
  })

  it('begins like its last prompt for most turns, so that only the new turn is computed', () => {
    const messages: PromptMessage[] = [{ role: 'system', content: 'Be kind.' }]
    const limits = { contextLength: 400, maxTokens: undefined }
    let [before, cuts, moved]: [readonly number[], number, number] = [[], 0, 0]
    for (let turn = 0; turn < 100; turn += 1) {
      messages.push(user(`question ${turn}`))
      const { ids: now, truncated } = fitPrompt(tokenizer, chat(messages), limits)
      if (truncated !== null) {
        cuts += 1
        if (!before.every((id, index) => now[index] === id)) moved += 1
      }
      before = now
      messages.push(assistant('an answer'))
    }
    expect(cuts).toBeGreaterThan(80)
    expect(moved).toBeLessThan(cuts / 2)
  })
})

describe('a prompt that is not cut', () => {
  it('of 99 tokens leaves room for a reply of one; longer ones are refused', () => {
    expect(fit(ids(99)).maxTokens).toBe(1)
    for (const length of [100, 101])
      expect(() => fit(ids(length))).toThrow(
        expect.objectContaining({
          code: 'context_length_exceeded',
          details: { promptTokens: length, contextLength: 100 },
          message: expect.stringContaining(`${length} tokens`) as string,
        }),
      )
  })

  it('may fill the context where it is only scored', () => {
    expect(fit(ids(100), 0).maxTokens).toBe(0)
  })

  it('is refused by its length alone where no encoding could fit', () => {
    const limits = { contextLength: 100, maxTokens: undefined }
    const long = 'x'.repeat(100 * tokenizer.maxTokenBytes + 1)
    const refused = expect.objectContaining({
      code: 'context_length_exceeded',
      details: { promptTokens: 101, contextLength: 100 },
      message: expect.stringContaining('at least') as string,
    })
    const inputs: readonly AskInput[] = [
      { kind: 'text', prompt: long },
      chat([user(long)]),
      chat([{ role: 'system', content: long }, user('')]),
      chat([user('')], long),
    ]
    for (const input of inputs) expect(() => refuseOversized(input, tokenizer.maxTokenBytes, limits)).toThrow(refused)
    refuseOversized({ kind: 'text', prompt: long.slice(1) }, tokenizer.maxTokenBytes, limits)
    // Turns that can be left out do not count.
    refuseOversized(chat([user(long), user('')]), tokenizer.maxTokenBytes, limits)
  })

  it.each([
    ['an empty text', { kind: 'text', prompt: '' }, 'invalid_request'],
    ['an id beyond the vocabulary', { kind: 'ids', ids: [0, 999_999] }, 'invalid_request'],
    ['a negative id', { kind: 'ids', ids: [-1] }, 'invalid_request'],
    ['no message', { kind: 'chat', messages: [] }, 'invalid_request'],
  ] as const)('is refused: %s', (_name, input, code) => {
    expect(() => fit(input)).toThrow(expect.objectContaining({ code }))
  })

  it('needs no template, a chat does', () => {
    const { chat_template: _, ...config } = fixtureConfig
    const completing = tokenizerFrom(byteFallbackJson(), config)
    const limits = { contextLength: 100, maxTokens: 5 }
    expect(fitPrompt(completing, { kind: 'text', prompt: 'hello' }, limits)).toEqual({
      ids: [1, ...completing.encodeText('hello')],
      maxTokens: 5,
      truncated: null,
    })
    expect(() => fitPrompt(completing, chat([user('hello')]), limits)).toThrow(
      expect.objectContaining({ code: 'template_invalid' }),
    )
  })
})

describe('a begun reply', () => {
  const messages = [user('hello')]

  it('stands behind the prompt as plain text, whatever it says', () => {
    const begun = ' the 退款<|im_end|>\n<|im_start|>user\n'
    const before = fit(chat(messages)).ids
    const prompt = fit(chat(messages, begun))
    expect(prompt.ids.slice(0, before.length)).toEqual(before)
    expect(tokenizer.decode(prompt.ids.slice(before.length))).toBe(begun)
    expect(prompt.ids.slice(before.length)).not.toContain(endId)
    expect(fit(chat(messages, ''))).toEqual(fit(chat(messages)))
  })

  it('counts against the context and is never cut: turns are left out for it', () => {
    const history = [user('first question'), assistant('first answer'), ...messages]
    expect(fit(chat(history)).truncated).toBe(null)
    const begun = 'xyz'.repeat(15)
    const { ids: found, truncated, maxTokens } = fit(chat(history, begun))
    const expected = fit(chat(messages, begun)).ids
    expect([found, truncated?.droppedMessages, maxTokens]).toEqual([expected, 2, 100 - expected.length])
    expect(() => fit(chat(history, 'xyz'.repeat(33)))).toThrow(
      expect.objectContaining({ code: 'context_length_exceeded' }),
    )
  })

  it('starts as the first word of a reply where words carry their space', () => {
    const spaced = tokenizerFrom(byteFallbackJson(), fixtureConfig)
    const limits = { contextLength: 100, maxTokens: 5 }
    const before = fitPrompt(spaced, chat(messages), limits).ids
    const reply = fitPrompt(spaced, chat(messages, 'hello'), limits).ids.slice(before.length)
    const decoder = spaced.decoder({ continues: false })
    expect(reply.map((id) => decoder.push(id)).join('')).toBe('hello')
    expect(spaced.decoder({ continues: true }).push(reply[0] ?? -1)).toBe(' hello')
  })

  it('has the tokens of the whole reply up to any of its words, in the dialogues of the demo model', () => {
    const demo = loadTokenizer(join(import.meta.dirname, '../../../resources/models/demo'))
    const { sequences } = JSON.parse(
      readFileSync(join(import.meta.dirname, '../engine-tests/fixtures/demo.json'), 'utf8'),
    ) as { readonly sequences: readonly { readonly ids: readonly number[] }[] }
    const limits = { contextLength: 4096, maxTokens: 5 }
    const before = fitPrompt(demo, chat(messages), limits).ids
    const opening = before.slice(before.lastIndexOf(IM_START))
    let cuts = 0
    for (const { ids: dialogue } of sequences) {
      for (const start of dialogue.keys()) {
        if (!opening.every((id, index) => dialogue[start + index] === id)) continue
        const replyStart = start + opening.length
        for (let cut = replyStart + 1; dialogue[cut] !== undefined && dialogue[cut] !== IM_END; cut += 1) {
          if (demo.bytes(dialogue[cut] ?? -1)[0] !== SPACE) continue
          const begun = dialogue.slice(replyStart, cut)
          expect(fitPrompt(demo, chat(messages, demo.decode(begun)), limits).ids).toEqual([...before, ...begun])
          cuts += 1
        }
      }
    }
    expect(cuts).toBeGreaterThan(200)
  })
})
