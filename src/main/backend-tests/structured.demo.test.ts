/**
 * Replies that must be JSON, from the real model by the official client. So small a model would not write JSON by
 * itself.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import OpenAI, { BadRequestError } from 'openai'
import { zodResponseFormat } from 'openai/helpers/zod'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { findProductFiles } from '../platform/product-files.ts'
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
const messages = [{ role: 'user' as const, content: 'Where is my order 20251103? 我想退货。' }]
const format = (schema: Schema): OpenAI.ResponseFormatJSONSchema => ({
  type: 'json_schema',
  json_schema: { name: 'answer', schema: { ...schema }, strict: true },
})
const ask = (schema: Schema, more: Partial<OpenAI.ChatCompletionCreateParamsNonStreaming> = {}) =>
  client.chat.completions.create({
    model: 'demo',
    messages,
    response_format: format(schema),
    temperature: 1,
    max_tokens: 400,
    ...more,
  })

const only = ({ choices: [choice] }: OpenAI.ChatCompletion): OpenAI.ChatCompletion.Choice => {
  if (choice === undefined) throw new Error('there is no choice')
  return choice
}

/** The finish reason of a reply, and whether its text parses and fits. */
function outcomeOf({ finish_reason: reason, message }: OpenAI.ChatCompletion.Choice, validator: z.ZodType): string {
  try {
    const { error } = validator.safeParse(JSON.parse(message.content ?? ''))
    return `${reason}: ${error === undefined ? 'fits' : z.prettifyError(error)}`
  } catch {
    return `${reason}: not JSON`
  }
}

/** No part of it is unbounded, so every reply ends by itself. */
const bounded: Schema = {
  type: 'object',
  additionalProperties: false,
  required: ['订单', 'status', 'refund', 'steps', 'until'],
  properties: {
    订单: { type: 'integer' },
    status: { type: 'string', enum: ['open', 'opened', '已发货', 'with "quotes"'] },
    refund: { type: 'boolean' },
    steps: { type: 'array', minItems: 1, maxItems: 3, items: { $ref: '#/$defs/step' } },
    until: { anyOf: [{ type: 'number' }, { type: 'null' }] },
    hint: { const: 'later' },
  },
  $defs: {
    step: {
      type: 'object',
      additionalProperties: false,
      required: ['name', 'days'],
      properties: { name: { enum: ['wait', 'return'] }, days: { type: 'integer' } },
    },
  },
}

/** The demo model rarely closes a string by itself; a bias on the quotation mark helps. */
const vocabulary = (
  JSON.parse(readFileSync(join(findProductFiles().resources, 'models/demo/tokenizer.json'), 'utf8')) as {
    readonly model: { readonly vocab: Readonly<Record<string, number>> }
  }
).model.vocab
const quoteMark = { [String(vocabulary['"'])]: 12 }

/** Strings, any values, and a shape that contains itself. */
const open: Schema = {
  type: 'object',
  additionalProperties: false,
  required: ['title', 'parts'],
  properties: {
    title: { type: 'string' },
    parts: { type: 'array', maxItems: 2, items: { anyOf: [{ $ref: '#' }, { type: 'string' }] } },
    more: {},
  },
}

describe('a reply by a schema', () => {
  test(
    'parses and fits whatever the seed is',
    async () => {
      const answers = await answersBySeed(32, (seed) => ask(bounded, { seed }))
      const validator = z.fromJSONSchema(bounded)
      const texts = answers.map((answer) => only(answer).message.content ?? '')
      for (const [seed, answer] of answers.entries()) {
        expect(only(answer).finish_reason, `seed ${seed}`).toBe('stop')
        expect(validator.safeParse(JSON.parse(texts[seed] ?? '')).error, `seed ${seed}: ${texts[seed]}`).toBeUndefined()
      }
      expect(new Set(texts).size).toBeGreaterThan(16)
    },
    patience,
  )

  test(
    'with free strings it parses and fits, or ends by length and does not parse',
    async () => {
      const validator = z.fromJSONSchema(open)
      const outcomes = async (maxTokens: number): Promise<ReadonlySet<string>> => {
        const more = { max_tokens: maxTokens, logit_bias: quoteMark }
        const answers = await answersBySeed(24, (seed) => ask(open, { seed, ...more }))
        return new Set(answers.map((answer) => outcomeOf(only(answer), validator)))
      }
      expect(await outcomes(400)).toEqual(new Set(['stop: fits']))
      expect(await outcomes(6)).toEqual(new Set(['length: not JSON']))
    },
    patience,
  )

  test("the client's own schema and parser accept it", async () => {
    const Ticket = z.object({
      topic: z.enum(['return', 'delivery', 'other']),
      urgent: z.boolean(),
      days: z.int().nullable(),
    })
    const answer = await client.chat.completions.parse({
      model: 'demo',
      messages,
      response_format: zodResponseFormat(Ticket, 'ticket'),
      temperature: 1,
      seed: 3,
      max_tokens: 200,
    })
    expect(Ticket.safeParse(answer.choices[0]?.message.parsed).error).toBeUndefined()
  })

  test('streamed it is the same text, and neither a bias nor a penalty leads out of it', async () => {
    const body = {
      model: 'demo',
      messages,
      response_format: format(bounded),
      temperature: 1.5,
      top_p: 0.9,
      seed: 11,
      max_tokens: 400,
      logit_bias: { 100: 100, 101: 100, 102: 100 },
      frequency_penalty: 2,
    }
    const whole = await client.chat.completions.create(body)
    let text = ''
    for await (const chunk of await client.chat.completions.create({ ...body, stream: true }))
      text += chunk.choices[0]?.delta.content ?? ''
    expect(text).toBe(whole.choices[0]?.message.content)
    expect(z.fromJSONSchema(bounded).safeParse(JSON.parse(text)).error).toBeUndefined()
  })

  test('its grammar time is in the reply and in the metrics, and a free reply has none', async () => {
    const [bound, free] = await Promise.all([
      ask(bounded, { seed: 1 }),
      client.chat.completions.create({ model: 'demo', messages, max_tokens: 4 }),
    ])
    const facts = (answer: object): { readonly grammar_ms?: number } =>
      (answer as { switchboard: { grammar_ms?: number } }).switchboard
    expect(facts(bound).grammar_ms).toBeGreaterThan(0)
    expect(facts(free)).not.toHaveProperty('grammar_ms')
    const metrics = await (
      await fetch(`${endpoint.url}/metrics`, { headers: { authorization: `Bearer ${endpoint.key}` } })
    ).text()
    expect(Number(/^switchboard_grammar_step_seconds_count (\d+)$/mu.exec(metrics)?.[1])).toBeGreaterThan(0)
  })

  test('a limit or a stop string inside it ends it with length', async () => {
    const short = await ask(bounded, { seed: 2, max_tokens: 5 })
    expect(only(short).finish_reason).toBe('length')
    const stopped = await ask(bounded, { seed: 2, stop: ['refund'] })
    expect(only(stopped).finish_reason).toBe('length')
    expect(only(stopped).message.content).toContain('"status":')
    expect(only(stopped).message.content).not.toContain('refund')
  })

  test('log-probabilities are of the tokens shown', async () => {
    const answer = await ask(bounded, { seed: 5, logprobs: true, top_logprobs: 2 })
    const tokens = only(answer).logprobs?.content ?? []
    expect(Buffer.from(tokens.flatMap(({ bytes }) => bytes ?? [])).toString('utf8')).toBe(only(answer).message.content)
  })

  test('an unsupported keyword is refused by its path, or ignored where the schema is not strict', async () => {
    const schema: Schema = { type: 'object', properties: { code: { type: 'string', pattern: '^[A-Z]+$' } } }
    const failure = await ask(schema).then(
      () => null,
      (thrown: unknown) => thrown,
    )
    expect(failure).toBeInstanceOf(BadRequestError)
    expect(failure).toMatchObject({
      status: 400,
      code: 'invalid_request',
      param: 'response_format.json_schema.schema.properties.code',
      message: expect.stringContaining('"pattern"') as string,
    })
    const loose = await client.chat.completions.create({
      model: 'demo',
      messages,
      response_format: { type: 'json_schema', json_schema: { name: 'x', schema: { ...schema }, strict: false } },
      max_tokens: 2,
    })
    expect(loose.choices[0]?.finish_reason).toBe('length')
  })
})

test('json_object is any object', async () => {
  const answers = await answersBySeed(16, (seed) =>
    client.chat.completions.create({
      model: 'demo',
      messages,
      response_format: { type: 'json_object' },
      temperature: 1,
      seed,
      max_tokens: 100,
      logit_bias: quoteMark,
    }),
  )
  expect(answers.filter((answer) => !only(answer).message.content?.startsWith('{'))).toEqual([])
  const outcomes = answers.map((answer) => outcomeOf(only(answer), z.record(z.string(), z.unknown())))
  expect(new Set(outcomes)).toEqual(new Set(['stop: fits', 'length: not JSON']))
})
