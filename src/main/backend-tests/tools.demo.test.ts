/**
 * Tool calls from the real model by the official client. The demo model was never trained on tools: the grammar alone
 * produces them.
 */
import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { officialClient } from '../http/testing/endpoint.ts'
import { answersBySeed, startRealEndpoint, type RealEndpoint } from './real-endpoint.ts'

/** Dozens of replies: seconds, or minutes on a busy machine. */
const patience = 600_000

let endpoint: RealEndpoint
let client: OpenAI

beforeAll(async () => {
  endpoint = await startRealEndpoint()
  client = officialClient(endpoint)
})
afterAll(async () => {
  await endpoint.close()
})

type Schema = Exclude<Parameters<typeof z.fromJSONSchema>[0], boolean>
const orderArguments: Schema = {
  type: 'object',
  additionalProperties: false,
  required: ['number', 'part'],
  properties: { number: { type: 'integer' }, part: { enum: ['state', '发货', 'bill'] } },
}
const refundArguments: Schema = {
  type: 'object',
  additionalProperties: false,
  required: ['reason'],
  properties: { reason: { enum: ['late', 'broken'] } },
}
const tools: OpenAI.ChatCompletionTool[] = [
  {
    type: 'function',
    function: { name: 'find_order', description: 'Looks an order up', parameters: { ...orderArguments }, strict: true },
  },
  { type: 'function', function: { name: 'refund', parameters: { ...refundArguments }, strict: true } },
]
const validators: Readonly<Record<string, z.ZodType>> = {
  find_order: z.fromJSONSchema(orderArguments),
  refund: z.fromJSONSchema(refundArguments),
}
const messages = [{ role: 'user' as const, content: 'Where is my order 20251103?' }]
const body = { model: 'demo', messages, tools, temperature: 1, max_tokens: 500 } as const

function expectCalls(calls: readonly OpenAI.ChatCompletionMessageToolCall[] | undefined): readonly string[] {
  return (calls ?? []).map((call) => {
    if (call.type !== 'function') throw new Error('not a function')
    expect(
      validators[call.function.name]?.safeParse(JSON.parse(call.function.arguments)).success,
      JSON.stringify(call),
    ).toBe(true)
    expect(call.id).toMatch(/^call_[0-9a-f]{32}$/u)
    return call.function.name
  })
}

describe('tool_choice', () => {
  test(
    'required: every reply is calls whose arguments fit, one after the other',
    async () => {
      const answers = await answersBySeed(16, (seed) =>
        client.chat.completions.create({ ...body, seed, tool_choice: 'required' }),
      )
      for (const {
        choices: [choice],
      } of answers) {
        expect(choice?.finish_reason).toBe('tool_calls')
        expect(choice?.message.content).toBeNull()
        const names = expectCalls(choice?.message.tool_calls)
        expect(names.length).toBeGreaterThan(0)
        expect(names.length).toBeLessThanOrEqual(8)
      }
    },
    patience,
  )

  test(
    'a named one, and at most one call',
    async () => {
      const answers = await answersBySeed(8, (seed) =>
        client.chat.completions.create({
          ...body,
          seed,
          tool_choice: { type: 'function', function: { name: 'refund' } },
        }),
      )
      for (const {
        choices: [choice],
      } of answers)
        expect(expectCalls(choice?.message.tool_calls)).toEqual(['refund'])
      const single = await client.chat.completions.create({
        ...body,
        seed: 1,
        tool_choice: 'required',
        parallel_tool_calls: false,
      })
      expect(expectCalls(single.choices[0]?.message.tool_calls)).toHaveLength(1)
    },
    patience,
  )

  test('auto: text stays text, none: there are no calls at all', async () => {
    const auto = await client.chat.completions.create({ ...body, temperature: 0, max_tokens: 40 })
    const none = await client.chat.completions.create({ ...body, temperature: 0, max_tokens: 40, tool_choice: 'none' })
    const plain = await client.chat.completions.create({ model: 'demo', messages, temperature: 0, max_tokens: 40 })
    expect(auto.choices[0]?.message.tool_calls).toBeUndefined()
    expect(auto.choices[0]?.message.content).toMatch(/\S/)
    expect(auto.usage?.prompt_tokens).toBeGreaterThan(none.usage?.prompt_tokens ?? Infinity)
    expect(none.choices[0]?.message).toEqual(plain.choices[0]?.message)
  })
})

test('streamed in deltas it is the same call, and the history takes it back', async () => {
  const request = { ...body, seed: 4, tool_choice: { type: 'function' as const, function: { name: 'find_order' } } }
  const whole = await client.chat.completions.create(request)
  const final = await client.chat.completions.stream({ ...request, stream: true }).finalChatCompletion()
  const [call, streamed] = [whole.choices[0]?.message.tool_calls?.[0], final.choices[0]?.message.tool_calls?.[0]]
  if (call?.type !== 'function' || streamed?.type !== 'function') throw new Error('there was no call')
  expect(streamed.function.arguments).toBe(call.function.arguments)
  expect(final.choices[0]?.finish_reason).toBe('tool_calls')
  const history: OpenAI.ChatCompletionMessageParam[] = [
    ...messages,
    { role: 'assistant', tool_calls: [call] },
    { role: 'tool', tool_call_id: call.id, content: '{"state":"sent"}' },
  ]
  const next = await client.chat.completions.create({ ...body, messages: history, temperature: 0, max_tokens: 8 })
  expect(next.usage?.prompt_tokens).toBeGreaterThan(whole.usage?.prompt_tokens ?? Infinity)
})

test('a limit inside a call ends it with length, a stop string does not touch it', async () => {
  const named = { ...body, tool_choice: { type: 'function' as const, function: { name: 'refund' } } }
  const short = await client.chat.completions.create({ ...named, max_tokens: 3 })
  expect(short.choices[0]?.finish_reason).toBe('length')
  const whole = await client.chat.completions.create({ ...named, stop: ['\n', 'reason'] })
  expect(whole.choices[0]?.finish_reason).toBe('tool_calls')
  expect(expectCalls(whole.choices[0]?.message.tool_calls)).toEqual(['refund'])
})
