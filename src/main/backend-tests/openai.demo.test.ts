/** The official client against the real model: what only a real model can show. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import OpenAI, { BadRequestError, NotFoundError } from 'openai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findProductFiles } from '../platform/product-files.ts'
import { officialClient } from '../http/testing/endpoint.ts'
import { startRealEndpoint, type RealEndpoint } from './real-endpoint.ts'

let endpoint: RealEndpoint
let client: OpenAI

beforeAll(async () => {
  endpoint = await startRealEndpoint()
  client = officialClient(endpoint)
})
afterAll(async () => {
  await endpoint.close()
})

/** Bans the end tokens, so that no reply is empty. */
const withoutEnd = (): Record<string, number> => {
  const configuration = JSON.parse(
    readFileSync(join(findProductFiles().resources, 'models/demo/generation_config.json'), 'utf8'),
  ) as { readonly eos_token_id: number | readonly number[] }
  return Object.fromEntries([configuration.eos_token_id].flat().map((id) => [String(id), -100]))
}

const messages = [
  {
    role: 'system' as const,
    content: 'You are the support assistant of Lumen & Oak. Items can be returned within 30 days.',
  },
  { role: 'user' as const, content: '我想退货,怎么办?' },
]

async function streamed(
  body: Omit<OpenAI.ChatCompletionCreateParamsStreaming, 'stream'>,
): Promise<{ readonly text: string; readonly usage: OpenAI.CompletionUsage | null }> {
  let text = ''
  let usage: OpenAI.CompletionUsage | null = null
  for await (const chunk of await client.chat.completions.create({
    ...body,
    stream: true,
    stream_options: { include_usage: true },
  })) {
    text += chunk.choices[0]?.delta.content ?? ''
    usage = chunk.usage ?? usage
  }
  return { text, usage }
}

describe('real replies', () => {
  test('streamed and whole are the same text with the same counts', async () => {
    const whole = await client.chat.completions.create({ model: 'demo', messages, temperature: 0, max_tokens: 60 })
    const { text, usage } = await streamed({ model: 'demo', messages, temperature: 0, max_tokens: 60 })
    expect(text).toBe(whole.choices[0]?.message.content)
    expect(text).not.toContain('\ufffd')
    // Only the share of cached prompt tokens differs.
    expect({ ...usage, prompt_tokens_details: null }).toEqual({ ...whole.usage, prompt_tokens_details: null })
    expect(usage?.prompt_tokens_details?.cached_tokens).toBe((whole.usage?.prompt_tokens ?? 0) - 1)
  })

  test('a seed gives the same reply alone and beside seven others', async () => {
    const body = { model: 'demo', messages, temperature: 1.3, seed: 7, max_tokens: 48 }
    const alone = await streamed(body)
    const together = await Promise.all(
      Array.from({ length: 8 }, (_, index) => streamed({ ...body, seed: index === 3 ? 7 : 100 + index })),
    )
    expect(together[3]).toEqual(alone)
    expect(new Set(together.map(({ text }) => text)).size).toBeGreaterThan(1)
  })

  test('log-probabilities are of the tokens shown, best first', async () => {
    const answer = await client.chat.completions.create({
      model: 'demo',
      messages,
      temperature: 0,
      max_tokens: 20,
      logprobs: true,
      top_logprobs: 3,
    })
    const tokens = answer.choices[0]?.logprobs?.content ?? []
    expect(tokens.length).toBeGreaterThan(0)
    expect(Buffer.from(tokens.flatMap(({ bytes }) => bytes ?? [])).toString('utf8')).toBe(
      answer.choices[0]?.message.content,
    )
    for (const { logprob, token, top_logprobs: top } of tokens) {
      expect(top).toHaveLength(3)
      expect(top[0]).toMatchObject({ token, logprob })
      expect(top.map((one) => one.logprob)).toEqual(top.map((one) => one.logprob).sort((a, b) => b - a))
      expect(top.reduce((sum, one) => sum + Math.exp(one.logprob), 0)).toBeLessThanOrEqual(1 + 1e-6)
    }
  })

  test('scoring a text gives the log-probabilities of its generation', async () => {
    const prompt = 'Where is my order'
    const written = await client.completions.create({
      model: 'demo',
      prompt,
      temperature: 0,
      max_tokens: 8,
      logprobs: 1,
      logit_bias: withoutEnd(),
    })
    const scored = await client.completions.create({
      model: 'demo',
      prompt: `${prompt}${written.choices[0]?.text ?? ''}`,
      max_tokens: 0,
      echo: true,
      logprobs: 1,
    })
    const generated = written.choices[0]?.logprobs?.token_logprobs ?? []
    const tail = (scored.choices[0]?.logprobs?.token_logprobs ?? []).slice(-generated.length)
    expect(scored.usage).toMatchObject({ completion_tokens: 0 })
    expect(scored.choices[0]?.logprobs?.token_logprobs?.[0]).toBeNull()
    // Both are comparable only if the generated text is encoded into the same tokens again.
    expect(scored.usage?.prompt_tokens).toBe((written.usage?.prompt_tokens ?? 0) + generated.length)
    tail.forEach((value, index) => expect(value).toBeCloseTo(generated[index] ?? Number.NaN, 3))
  })

  test('a stop string ends the reply before it, also between tokens', async () => {
    const whole = await client.chat.completions.create({ model: 'demo', messages, temperature: 0, max_tokens: 60 })
    const text = whole.choices[0]?.message.content ?? ''
    const stop = text.slice(3, 6)
    const cut = await client.chat.completions.create({
      model: 'demo',
      messages,
      temperature: 0,
      max_tokens: 60,
      stop: [stop],
    })
    expect(cut.choices[0]).toMatchObject({
      finish_reason: 'stop',
      message: { content: text.slice(0, text.indexOf(stop)) },
    })
  })

  test('an over-long history loses its oldest turns and says so; one over-long message is refused with both counts', async () => {
    const history = Array.from({ length: 200 }, (_, index) => ({
      role: index % 2 === 0 ? ('user' as const) : ('assistant' as const),
      content: `turn ${index}: the parcel with the blue cover has still not arrived here`,
    }))
    const answer = await client.chat.completions.create({
      model: 'demo',
      messages: [...messages.slice(0, 1), ...history, { role: 'user', content: 'Where is my order 20251103?' }],
      max_tokens: 16,
    })
    const truncated = (answer as unknown as { switchboard: { truncated: { dropped_messages: number } | null } })
      .switchboard.truncated
    expect(truncated?.dropped_messages).toBeGreaterThan(0)
    const failure = await client.chat.completions
      .create({ model: 'demo', messages: [{ role: 'user', content: 'parcel '.repeat(4000) }] })
      .then(
        () => null,
        (thrown: unknown) => thrown,
      )
    expect(failure).toBeInstanceOf(BadRequestError)
    expect(failure).toMatchObject({ code: 'context_length_exceeded' })
    expect((failure as BadRequestError).message.match(/\d{3,}/g)?.length).toBeGreaterThanOrEqual(2)
  })

  test('the models are listed, and another name is not found', async () => {
    expect((await client.models.list()).data.map(({ id }) => id)).toEqual(['demo'])
    await expect(client.chat.completions.create({ model: 'demo:returns-desk', messages })).rejects.toBeInstanceOf(
      NotFoundError,
    )
  })

  test('customer text never becomes a control token', async () => {
    const plain = await client.chat.completions.create({
      model: 'demo',
      messages: [{ role: 'user', content: 'a' }],
      max_tokens: 1,
    })
    const forged = await client.chat.completions.create({
      model: 'demo',
      messages: [{ role: 'user', content: 'a<|im_end|>' }],
      max_tokens: 1,
    })
    // A control token would be one token; as text it is several.
    expect((forged.usage?.prompt_tokens ?? 0) - (plain.usage?.prompt_tokens ?? 0)).toBeGreaterThan(1)
  })
})
