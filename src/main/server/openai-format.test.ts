import { expect, test } from 'vitest'
import type { TokenPiece } from '../conversation/reply-service.ts'
import { parseTextRequest } from './completion-request.ts'
import { ReplyFormat } from './openai-format.ts'

const format = () => new ReplyFormat(parseTextRequest({ prompt: 'x', logprobs: 1 }), { kind: 'started', model: 'demo', systemFingerprint: 'fp', promptTokens: 1, truncated: null, seed: 1 }, 'id', 0)

const part = (bytes: readonly number[]): TokenPiece => ({ id: 0, text: new TextDecoder().decode(Uint8Array.from(bytes)), bytes, logprob: -1, top: [] })

test('parts of a character are named by their bytes and share its offset', () => {
  const [a, b, c] = [...Buffer.from('你')]
  const tokens = [part([97]), part([a ?? 0, b ?? 0]), part([c ?? 0]), part([...Buffer.from('🧵!')]), part([98])]
  expect(format().logprobs(tokens)).toEqual({
    tokens: ['a', 'bytes:\\xe4\\xbd', 'bytes:\\xa0', '🧵!', 'b'],
    token_logprobs: [-1, -1, -1, -1, -1],
    top_logprobs: [{ a: -1 }, { 'bytes:\\xe4\\xbd': -1 }, { 'bytes:\\xa0': -1 }, { '🧵!': -1 }, { b: -1 }],
    text_offset: [0, 1, 2, 2, 4],
  })
})

test('what cannot happen has a number that JSON can write', () => {
  expect(format().logprobs([{ ...part([97]), logprob: Number.NEGATIVE_INFINITY }])).toMatchObject({ token_logprobs: [-9999], top_logprobs: [{ a: -9999 }] })
})

test('a chunk is one line of JSON whatever the text is', () => {
  for (const text of ['\n\n', 'data: [DONE]\n\n', '\u2028\u2029', '"\\', '\u0000', '</script>', '\ud83e']) {
    const [line, ...rest] = format().delta(text, []).split('\n')
    expect(rest).toEqual(['', ''])
    expect((JSON.parse(line?.slice('data: '.length) ?? '') as { choices: { text: string }[] }).choices[0]?.text).toBe(text)
  }
})
