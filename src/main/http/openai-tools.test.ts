/** Tools and reply formats with the official client and a fake answerer: what the answerer gets and what comes back. */
import OpenAI, { BadRequestError } from 'openai'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type FakeEndpoint, officialClient, startFakeEndpoint } from './testing/endpoint.ts'

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
const findOrder = {
  type: 'function' as const,
  function: {
    name: 'find_order',
    description: 'Finds one',
    parameters: { type: 'object', properties: { number: { type: 'integer', minimum: 1 } }, required: ['number'] },
  },
}
const clock = { type: 'function' as const, function: { name: 'clock' } }
const findOrderShape = {
  shape: {
    kind: 'object',
    properties: [{ name: 'number', shape: { kind: 'integer' }, required: true }],
    additional: null,
  },
  definitions: {},
}
const clockShape = { shape: { kind: 'object', properties: [], additional: null }, definitions: {} }
const both = [
  { name: 'find_order', arguments: findOrderShape },
  { name: 'clock', arguments: clockShape },
]
const described = [
  { name: 'find_order', description: 'Finds one', parameters: findOrder.function.parameters },
  { name: 'clock', description: null, parameters: { type: 'object', properties: {} } },
]

describe('what a request asks for', () => {
  test.each<[string, Partial<OpenAI.ChatCompletionCreateParamsNonStreaming>, object | null]>([
    ['tools alone', {}, { format: null, tools: { callable: both, required: false, maxCalls: 8 } }],
    ['auto', { tool_choice: 'auto' }, { format: null, tools: { callable: both, required: false, maxCalls: 8 } }],
    [
      'one call at most',
      { parallel_tool_calls: false },
      { format: null, tools: { callable: both, required: false, maxCalls: 1 } },
    ],
    ['required', { tool_choice: 'required' }, { format: null, tools: { callable: both, required: true, maxCalls: 8 } }],
    [
      'a named one',
      { tool_choice: { type: 'function', function: { name: 'clock' } } },
      { format: null, tools: { callable: [both[1]], required: true, maxCalls: 1 } },
    ],
    [
      'a format beside them',
      { response_format: { type: 'json_object' } },
      {
        format: { shape: { kind: 'object', properties: [], additional: { kind: 'any' } }, definitions: {} },
        tools: { callable: both, required: false, maxCalls: 8 },
      },
    ],
  ])('%s', async (_, more, structure) => {
    await client.chat.completions.create({ model: 'demo', messages, tools: [findOrder, clock], ...more })
    expect(endpoint.replies.requests[0]).toMatchObject({ input: { kind: 'chat', tools: described }, structure })
  })

  test('none: the model is not even told of them', async () => {
    await client.chat.completions.create({ model: 'demo', messages, tools: [findOrder], tool_choice: 'none' })
    expect(endpoint.replies.requests[0]).toMatchObject({ structure: null })
    expect(endpoint.replies.requests[0]?.input).not.toHaveProperty('tools')
  })

  test('calls and what the tools gave back are part of the history', async () => {
    await client.chat.completions.create({
      model: 'demo',
      messages: [
        ...messages,
        {
          role: 'assistant',
          content: null,
          tool_calls: [
            { id: 'call_1', type: 'function', function: { name: 'find_order', arguments: '{"number": 7}' } },
          ],
        },
        { role: 'tool', tool_call_id: 'call_1', content: '{"state":"sent"}' },
        { role: 'user', content: 'and now?' },
      ],
    })
    expect(endpoint.replies.requests[0]?.input).toEqual({
      kind: 'chat',
      messages: [
        { role: 'user', content: 'hello' },
        { role: 'assistant', content: '', toolCalls: [{ name: 'find_order', arguments: { number: 7 } }] },
        { role: 'tool', content: '{"state":"sent"}' },
        { role: 'user', content: 'and now?' },
      ],
    })
  })

  test('arguments that a schema leaves open are any object', async () => {
    const open = { shape: { kind: 'object', properties: [], additional: { kind: 'any' } }, definitions: {} }
    const schemas = [
      {},
      { $ref: '#/$defs/A', $defs: { A: { type: 'object' } } },
      { anyOf: [{ type: 'object' }, { type: 'null' }] },
    ]
    await client.chat.completions.create({
      model: 'demo',
      messages,
      tools: schemas.map((parameters, at) => ({ type: 'function', function: { name: `f${at}`, parameters } })),
    })
    expect(endpoint.replies.requests[0]?.structure?.tools?.callable).toEqual(
      schemas.map((_, at) => ({ name: `f${at}`, arguments: open })),
    )
    const failure = await client.chat.completions
      .create({
        model: 'demo',
        messages,
        tools: [{ type: 'function', function: { name: 'f', parameters: {}, strict: true } }],
      })
      .then(
        () => null,
        (thrown: unknown) => thrown,
      )
    expect(failure).toMatchObject({ param: 'tools[0].function.parameters', status: 400 })
  })

  test('a strict tool is refused by the place of what is not supported', async () => {
    const failure = await client.chat.completions
      .create({
        model: 'demo',
        messages,
        tools: [clock, { type: 'function', function: { ...findOrder.function, strict: true } }],
      })
      .then(
        () => null,
        (thrown: unknown) => thrown,
      )
    expect(failure).toBeInstanceOf(BadRequestError)
    expect(failure).toMatchObject({
      param: 'tools[1].function.parameters.properties.number',
      message: expect.stringContaining('"minimum"') as string,
    })
  })
})

describe('what comes back', () => {
  const calls = [
    { id: 'call_a', name: 'find_order', pieces: ['{"num', 'ber": ', '7}'] },
    { id: 'call_b', name: 'clock', pieces: ['{}'] },
  ]
  const whole = [
    { id: 'call_a', type: 'function', function: { name: 'find_order', arguments: '{"number": 7}' } },
    { id: 'call_b', type: 'function', function: { name: 'clock', arguments: '{}' } },
  ]
  beforeEach(() => {
    endpoint.replies.script = () => ({ deltas: [], calls })
  })

  test('calls in one piece', async () => {
    const answer = await client.chat.completions.create({ model: 'demo', messages, tools: [findOrder, clock] })
    expect(answer.choices[0]).toEqual({
      index: 0,
      message: { role: 'assistant', content: null, refusal: null, tool_calls: whole },
      logprobs: null,
      finish_reason: 'tool_calls',
    })
  })

  test('calls in deltas: id and name first, then the arguments as they arrive', async () => {
    const deltas = []
    const reasons = []
    for await (const {
      choices: [choice],
    } of await client.chat.completions.create({ model: 'demo', messages, tools: [findOrder, clock], stream: true })) {
      deltas.push(...(choice?.delta.tool_calls ?? []))
      reasons.push(choice?.finish_reason ?? null)
    }
    expect(deltas).toEqual([
      { index: 0, id: 'call_a', type: 'function', function: { name: 'find_order', arguments: '' } },
      ...['{"num', 'ber": ', '7}'].map((piece) => ({ index: 0, function: { arguments: piece } })),
      { index: 1, id: 'call_b', type: 'function', function: { name: 'clock', arguments: '' } },
      { index: 1, function: { arguments: '{}' } },
    ])
    expect(reasons).toEqual([null, null, null, null, null, null, null, 'tool_calls'])
  })

  test("the client's own assembler of streams puts them together", async () => {
    const final = await client.chat.completions
      .stream({ model: 'demo', messages, tools: [findOrder, clock] })
      .finalChatCompletion()
    expect(final.choices[0]).toMatchObject({ finish_reason: 'tool_calls', message: { tool_calls: whole } })
  })

  test('a call that was cut off ends with length', async () => {
    endpoint.replies.script = () => ({ deltas: ['x'], calls: [{ id: 'call_a', name: 'clock', pieces: ['{'] }] })
    const answer = await client.chat.completions.create({ model: 'demo', messages, tools: [clock], max_tokens: 1 })
    expect(answer.choices[0]).toMatchObject({
      finish_reason: 'length',
      message: { tool_calls: [{ function: { arguments: '{' } }] },
    })
  })
})
