import { expect, test } from 'vitest'
import type { Target } from '../../shared/domain/target.ts'
import type { TokenPiece } from '../answering/answer.ts'
import { parseTextRequest } from './completion-request.ts'
import { CompletionFormat } from './completion-format.ts'

const target: Target = {
  name: 'demo',
  model: { name: 'demo', version: 1, precision: 'fp32', contentHash: 'c0ffee' },
  adapters: [],
  assistant: null,
  where: { kind: 'local' },
  fingerprint: 'fp',
}

const format = () =>
  new CompletionFormat(
    parseTextRequest({ prompt: 'x', logprobs: 1 }),
    { kind: 'started', target, promptTokens: 1, truncated: null, seed: 1 },
    'id',
    0,
  )

const part = (bytes: readonly number[], released: string): TokenPiece => ({
  id: 0,
  text: new TextDecoder().decode(Uint8Array.from(bytes)),
  bytes,
  released,
  logprob: -1,
  top: [],
})

test('parts of a character are named by their bytes and share its offset', () => {
  const [a, b, c] = [...Buffer.from('你')]
  const tokens = [
    part([97], 'a'),
    part([a ?? 0, b ?? 0], ''),
    part([c ?? 0], '你'),
    part([...Buffer.from('🧵!')], '🧵!'),
    part([98], 'b'),
  ]
  expect(format().logprobs(tokens)).toEqual({
    tokens: ['a', 'bytes:\\xe4\\xbd', 'bytes:\\xa0', '🧵!', 'b'],
    token_logprobs: [-1, -1, -1, -1, -1],
    top_logprobs: [{ a: -1 }, { 'bytes:\\xe4\\xbd': -1 }, { 'bytes:\\xa0': -1 }, { '🧵!': -1 }, { b: -1 }],
    text_offset: [0, 1, 1, 2, 4],
  })
})

test('a token that is no text of the reply moves nothing', () => {
  const tokens = [part([...Buffer.from('<s>')], ''), part([...Buffer.from(' hello')], 'hello'), part([98], 'b')]
  expect(format().logprobs(tokens)).toMatchObject({ text_offset: [0, 0, 5] })
})

test('a chunk is one line of JSON whatever the text is', () => {
  for (const text of ['\n\n', 'data: [DONE]\n\n', '\u2028\u2029', '"\\', '\u0000', '</script>', '\ud83e']) {
    const [line, ...rest] = format().delta(text, []).split('\n')
    expect(rest).toEqual(['', ''])
    expect((JSON.parse(line?.slice('data: '.length) ?? '') as { choices: { text: string }[] }).choices[0]?.text).toBe(
      text,
    )
  }
})
