import { describe, expect, it } from 'vitest'
import type { Ask } from '../../shared/domain/ask.ts'
import { accept } from './accept.ts'
import { pipeline, type AnswerEvent } from './answer.ts'
import { instruct, instructed } from './instruct.ts'

const ask = (patch: Partial<Ask> = {}): Ask => ({
  requestId: 'r1',
  client: 'key-1',
  priority: 'batch',
  target: {
    name: 'tea-shop',
    model: { name: 'demo', version: 1, precision: 'fp32', contentHash: 'c0ffee' },
    adapters: [],
    assistant: { id: 'a1', name: 'Tea shop', version: 1 },
    where: { kind: 'local' },
    fingerprint: 'fp_1',
  },
  instructions: { systemPrompt: 'You sell tea.', parameters: { temperature: 0.2, topK: 5 } },
  input: { kind: 'chat', messages: [{ role: 'user', content: '退款' }] },
  parameters: {},
  stop: [],
  logprobs: null,
  echo: false,
  structure: null,
  speculation: true,
  ...patch,
})

describe('an assistant', () => {
  it('speaks first, and the request keeps its own system message in the same one', () => {
    expect(instructed(ask()).input).toEqual({
      kind: 'chat',
      messages: [
        { role: 'system', content: 'You sell tea.' },
        { role: 'user', content: '退款' },
      ],
    })
    const messages = [
      { role: 'system', content: 'The customer is Anna.' },
      { role: 'user', content: 'hi' },
    ] as const
    expect(instructed(ask({ input: { kind: 'chat', messages } })).input).toMatchObject({
      messages: [{ role: 'system', content: 'You sell tea.\n\nThe customer is Anna.' }, messages[1]],
    })
  })

  it('gives the parameters that the request leaves open', () => {
    expect(instructed(ask({ parameters: { topK: 1, temperature: undefined } })).parameters).toEqual({
      temperature: 0.2,
      topK: 1,
    })
  })

  it('without a system prompt adds no message, and a model alone changes nothing', () => {
    const blank = ask({ instructions: { systemPrompt: ' \n', parameters: {} } })
    expect(instructed(blank).input).toEqual(blank.input)
    const alone = ask({ instructions: null })
    expect(instructed(alone)).toBe(alone)
  })

  it('completes no raw text', () => {
    expect(() => instructed(ask({ input: { kind: 'text', prompt: 'Once' } }))).toThrow(
      expect.objectContaining({ code: 'invalid_request', param: 'model' }),
    )
  })
})

describe('the pipeline', () => {
  it('says what of the question may be stored before anything else, and generation gets what the stages made', async () => {
    const asked: Ask[] = []
    const answerer = pipeline([accept, instruct], {
      async *answer(made) {
        asked.push(made)
        yield { kind: 'delta', text: 'ok', tokens: [] }
      },
    })
    const events: AnswerEvent[] = []
    for await (const event of answerer.answer(ask(), new AbortController().signal)) events.push(event)
    expect(events).toEqual([
      { kind: 'accepted', question: '退款' },
      { kind: 'delta', text: 'ok', tokens: [] },
    ])
    expect(asked).toEqual([instructed(ask())])
  })
})
