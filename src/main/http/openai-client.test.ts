import OpenAI, {
  APIError,
  AuthenticationError,
  BadRequestError,
  ConflictError,
  InternalServerError,
  NotFoundError,
  RateLimitError,
} from 'openai'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import { type FakeEndpoint, officialClient, startFakeEndpoint, fakeTarget } from './testing/endpoint.ts'

/** Generous, because the machine may be busy; no test here is about speed. */
const patience = { timeout: 20_000 }

let endpoint: FakeEndpoint
let client: OpenAI

beforeEach(async () => {
  endpoint = await startFakeEndpoint()
  client = officialClient(endpoint)
})
afterEach(async () => {
  await endpoint.close()
})

const messages = [{ role: 'user' as const, content: 'hello' }]
const usage = { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7, prompt_tokens_details: { cached_tokens: 1 } }
const text = 'Good day 你好.'

describe('chat completions by the official client', () => {
  test('whole', async () => {
    const answer = await client.chat.completions.create({ model: 'demo', messages })
    expect(answer).toMatchObject({
      object: 'chat.completion',
      model: 'demo',
      system_fingerprint: 'fp_fake',
      usage,
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: text, refusal: null },
          logprobs: null,
          finish_reason: 'stop',
        },
      ],
    })
    expect(answer.id).toMatch(/^chatcmpl-/)
    expect(Reflect.get(answer, '_request_id')).toBeTypeOf('string')
  })

  test('every parameter reaches the reply in native form', async () => {
    await client.chat.completions.create({
      model: 'demo',
      messages: [
        { role: 'developer', content: 'Be kind.' },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'a' },
            { type: 'text', text: 'b\ud800' },
          ],
        },
        { role: 'assistant', content: 'c' },
        { role: 'user', content: 'd' },
      ],
      temperature: 0.5,
      top_p: 0.9,
      frequency_penalty: 0.1,
      presence_penalty: -0.1,
      seed: 42,
      stop: ['x', 'y'],
      logit_bias: { 12: -100 },
      max_completion_tokens: 3,
      logprobs: true,
      top_logprobs: 2,
      user: 'u',
      metadata: { a: 'b' },
      store: true,
    })
    const { requestId, ...request } = endpoint.replies.requests[0] ?? { requestId: '' }
    expect(requestId).toMatch(/^[0-9A-Z]{26}$/)
    expect(request).toEqual({
      target: fakeTarget('demo'),
      instructions: null,
      input: {
        kind: 'chat',
        messages: [
          { role: 'system', content: 'Be kind.' },
          { role: 'user', content: 'a\nb\ufffd' },
          { role: 'assistant', content: 'c' },
          { role: 'user', content: 'd' },
        ],
      },
      parameters: {
        temperature: 0.5,
        topP: 0.9,
        topK: undefined,
        minP: undefined,
        repetitionPenalty: undefined,
        frequencyPenalty: 0.1,
        presencePenalty: -0.1,
        maxTokens: 3,
        seed: 42,
        logitBias: { 12: -100 },
      },
      stop: ['x', 'y'],
      logprobs: 2,
      echo: false,
      speculation: true,
      structure: null,
      client: 'key-1',
      priority: 'batch',
    })
  })

  test('a stream: role first, then text, then why it ended, then the counts', async () => {
    const chunks = []
    for await (const chunk of await client.chat.completions.create({
      model: 'demo',
      messages,
      stream: true,
      stream_options: { include_usage: true },
    }))
      chunks.push(chunk)
    expect(chunks[0]?.choices[0]?.delta).toEqual({ role: 'assistant', content: '', refusal: null })
    expect(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('')).toBe(text)
    expect(chunks.map((chunk) => chunk.choices[0]?.finish_reason ?? null)).toEqual([
      null,
      null,
      null,
      null,
      null,
      'stop',
      null,
    ])
    expect(chunks.map((chunk) => chunk.usage)).toEqual([null, null, null, null, null, null, usage])
    expect(chunks.at(-1)?.choices).toEqual([])
    expect(
      new Set(
        chunks.map(({ id, object, model, created, system_fingerprint }) =>
          [id, object, model, created, system_fingerprint].join(),
        ),
      ),
    ).toHaveProperty('size', 1)
  })

  test('a stream without counts has none', async () => {
    const chunks = []
    for await (const chunk of await client.chat.completions.create({ model: 'demo', messages, stream: true }))
      chunks.push(chunk)
    expect(chunks.some((chunk) => 'usage' in chunk)).toBe(false)
    expect(chunks.at(-1)).toMatchObject({
      choices: [{ finish_reason: 'stop' }],
      switchboard: { truncated: null, seed: 7 },
    })
  })

  test("the client's own assembler of streams is content with it", async () => {
    const runner = client.chat.completions.stream({
      model: 'demo',
      messages,
      stream_options: { include_usage: true },
      logprobs: true,
      top_logprobs: 1,
    })
    const final = await runner.finalChatCompletion()
    expect(final.choices[0]).toMatchObject({ message: { role: 'assistant', content: text }, finish_reason: 'stop' })
    expect(final.choices[0]?.logprobs?.content?.length).toBe(4)
    expect(final.usage).toEqual(usage)
  })

  test('log-probabilities, whole and streamed, are the same', async () => {
    const request = { model: 'demo', messages, logprobs: true, top_logprobs: 2 }
    const whole = (await client.chat.completions.create(request)).choices[0]?.logprobs?.content
    expect(whole?.[2]).toEqual({
      token: ' 你好',
      logprob: -0.25,
      bytes: [32, 228, 189, 160, 229, 165, 189],
      top_logprobs: [
        { token: ' 你好', logprob: -0.25, bytes: [32, 228, 189, 160, 229, 165, 189] },
        { token: 'other1', logprob: -1.25, bytes: [111] },
      ],
    })
    const streamed = []
    for await (const chunk of await client.chat.completions.create({ ...request, stream: true }))
      streamed.push(...(chunk.choices[0]?.logprobs?.content ?? []))
    expect(streamed).toEqual(whole)
    expect(
      (await client.chat.completions.create({ ...request, top_logprobs: 0 })).choices[0]?.logprobs?.content?.[0]
        ?.top_logprobs,
    ).toEqual([])
  })

  test('a limit of tokens ends it with length', async () => {
    const answer = await client.chat.completions.create({ model: 'demo', messages, max_tokens: 2 })
    expect([answer.choices[0]?.message.content, answer.choices[0]?.finish_reason]).toEqual(['Good day', 'length'])
  })

  test('what was left out of the prompt is said in body, last chunk and header', async () => {
    endpoint.replies.script = () => ({ truncated: { droppedMessages: 2, droppedTokens: 31 } })
    const { data, response } = await client.chat.completions.create({ model: 'demo', messages }).withResponse()
    const streamed = await client.chat.completions.create({ model: 'demo', messages, stream: true }).withResponse()
    let last: object = {}
    for await (const chunk of streamed.data) last = chunk
    expect(
      [data, last].map((body) => (body as { switchboard?: { truncated: unknown } }).switchboard?.truncated),
    ).toEqual([
      { dropped_messages: 2, dropped_tokens: 31 },
      { dropped_messages: 2, dropped_tokens: 31 },
    ])
    expect([response, streamed.response].map(({ headers }) => headers.get('x-switchboard-truncated'))).toEqual(
      Array(2).fill('messages=2; tokens=31'),
    )
  })

  test('a request without a model is answered by the default one', async () => {
    const response = await fetch(`${endpoint.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${endpoint.key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ messages }),
    })
    expect(await response.json()).toMatchObject({ model: 'demo' })
  })
})

describe('text completions by the official client', () => {
  test('whole, of text and of token ids', async () => {
    expect(await client.completions.create({ model: 'demo', prompt: 'a b' })).toMatchObject({
      object: 'text_completion',
      choices: [{ index: 0, text, logprobs: null, finish_reason: 'stop' }],
      usage,
    })
    for (const prompt of [[1, 2, 3], [[1, 2, 3]]]) await client.completions.create({ model: 'demo', prompt })
    await client.completions.create({ model: 'demo', prompt: ['a b'] })
    expect(endpoint.replies.requests.map(({ input }) => input)).toEqual([
      { kind: 'text', prompt: 'a b' },
      { kind: 'ids', ids: [1, 2, 3] },
      { kind: 'ids', ids: [1, 2, 3] },
      { kind: 'text', prompt: 'a b' },
    ])
  })

  test('streamed, with offsets that go on from chunk to chunk', async () => {
    const request = { model: 'demo', prompt: 'a b', logprobs: 1, echo: true } as const
    const whole = (await client.completions.create(request)).choices[0]
    const chunks = []
    for await (const chunk of await client.completions.create({ ...request, stream: true })) chunks.push(chunk)
    expect(chunks.map((chunk) => chunk.choices[0]?.text ?? '').join('')).toBe(`a b${text}`)
    expect(chunks.flatMap((chunk) => chunk.choices[0]?.logprobs?.text_offset ?? [])).toEqual(
      whole?.logprobs?.text_offset,
    )
    expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe('stop')
  })

  test('a prompt is scored alone: null first, then its log-probabilities', async () => {
    const answer = await client.completions.create({
      model: 'demo',
      prompt: 'a b c',
      max_tokens: 0,
      echo: true,
      logprobs: 2,
    })
    expect(answer.choices[0]).toEqual({
      index: 0,
      text: 'a b c',
      finish_reason: 'length',
      logprobs: {
        tokens: ['a', ' b', ' c'],
        token_logprobs: [null, -1, -1],
        top_logprobs: [null, { ' b': -1, other1: -2 }, { ' c': -1, other1: -2 }],
        text_offset: [0, 1, 3],
      },
    })
    expect(answer.usage?.completion_tokens).toBe(0)
  })
})

describe('models', () => {
  test('are listed and looked up', async () => {
    expect((await client.models.list()).data).toMatchObject([
      { id: 'demo', object: 'model', created: 1_700_000_000, owned_by: 'switchboard' },
    ])
    expect(await client.models.retrieve('demo')).toMatchObject({ id: 'demo' })
    await expect(client.models.retrieve('nobody')).rejects.toBeInstanceOf(NotFoundError)
  })
})

describe('errors as the official client sees them', () => {
  const failing = async (error: SwitchboardError, stream = false): Promise<APIError> => {
    endpoint.replies.script = () => ({ refusal: error })
    try {
      await client.chat.completions.create({ model: 'demo', messages, stream })
    } catch (thrown) {
      if (thrown instanceof APIError) return thrown
    }
    throw new Error('expected an APIError')
  }

  test('a wrong key', async () => {
    const stranger = officialClient(endpoint, 'wrong')
    await expect(stranger.models.list()).rejects.toBeInstanceOf(AuthenticationError)
  })

  test.each([
    ['context_length_exceeded', BadRequestError, 400, null],
    ['model_not_found', NotFoundError, 404, null],
    ['queue_full', InternalServerError, 503, '1'],
    ['loading', InternalServerError, 503, '2'],
    ['draining', InternalServerError, 503, '5'],
    ['engine_crashed', InternalServerError, 503, '2'],
    ['engine_failed', InternalServerError, 503, null],
    ['engine_fault', InternalServerError, 500, null],
    ['deadline_exceeded', InternalServerError, 504, null],
    ['rate_limited', RateLimitError, 429, '1'],
    ['idempotency_conflict', ConflictError, 409, null],
  ] as const)('%s before the first event has its status, streamed or not', async (code, type, status, retryAfter) => {
    for (const stream of [false, true]) {
      const failure = await failing(new SwitchboardError(code, 'What happened.', { param: 'messages' }), stream)
      expect(failure).toBeInstanceOf(type)
      expect([failure.status, failure.code, failure.param, failure.headers?.get('retry-after') ?? null]).toEqual([
        status,
        code,
        'messages',
        retryAfter,
      ])
    }
  })

  test('the seconds an error brings go into Retry-After', async () => {
    expect(
      (await failing(new SwitchboardError('queue_full', 'Full.', { retryAfterSeconds: 3.2 }))).headers?.get(
        'retry-after',
      ),
    ).toBe('4')
  })

  test('in the middle of a stream it is thrown after the text before it, and there is no [DONE]', async () => {
    endpoint.replies.script = () => ({
      failure: { after: 2, error: new SwitchboardError('engine_crashed', 'The engine stopped.') },
    })
    let received = ''
    const reading = (async () => {
      for await (const chunk of await client.chat.completions.create({ model: 'demo', messages, stream: true }))
        received += chunk.choices[0]?.delta.content ?? ''
    })()
    await expect(reading).rejects.toMatchObject({ code: 'engine_crashed', type: 'server_error' })
    expect(received).toBe('Good day')
    const raw = await client.chat.completions.create({ model: 'demo', messages, stream: true }).asResponse()
    const events = await raw.text()
    expect(events).not.toContain('[DONE]')
    expect(JSON.parse(events.trim().split('\n\n').at(-1)?.slice('data: '.length) ?? '')).toMatchObject({
      error: { code: 'engine_crashed', param: null, type: 'server_error', retryable: true },
    })
  })

  test('an unexpected error is internal, without its message, and is logged without text of the customer', async () => {
    endpoint.replies.script = () => ({ failure: { after: 1, error: new Error('secret /path') } })
    const failure: unknown = await client.chat.completions
      .create({ model: 'demo', messages: [{ role: 'user', content: 'customer words' }] })
      .catch((thrown: unknown) => thrown)
    expect(failure).toMatchObject({ status: 500, code: 'internal' })
    expect(String(failure)).not.toContain('secret')
    expect(endpoint.logged.map(({ level }) => level)).toContain('error')
    expect(JSON.stringify(endpoint.logged)).not.toContain('customer words')
  })

  test('leaving a stream stops the reply', async () => {
    endpoint.replies.script = () => ({ endless: true })
    const stream = await client.chat.completions.create({ model: 'demo', messages, stream: true })
    for await (const chunk of stream) if ((chunk.choices[0]?.delta.content ?? '') !== '') break
    await expect.poll(() => endpoint.replies.running, patience).toBe(0)
    expect(endpoint.server.counts).toEqual({ total: 1, active: 0 })
  })
})
