import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { FakeEngine, type FakeEngineOptions } from '../../../shared/contracts/engine.fake.ts'
import type { PromptMessage } from '../../../shared/domain/conversation.ts'
import { SwitchboardError } from '../../../shared/errors/switchboard-error.ts'
import { byteLevelJson, controlIdsOf, fixtureConfig } from '../../text/tokenizer.fixture.ts'
import { tokenizerFrom } from '../../text/tokenizer.ts'
import { createLocalGeneration } from './local.ts'
import type { Ask } from '../../../shared/domain/ask.ts'
import type { Target } from '../../../shared/domain/target.ts'
import type { Answerer, AnswerEvent } from '../answer.ts'
import { createTextService } from '../../text/create-text-service.ts'

const tokenizer = tokenizerFrom(byteLevelJson(), fixtureConfig)
const endId = controlIdsOf(byteLevelJson()).get('<|im_end|>') ?? -1
const user = (content: string): PromptMessage => ({ role: 'user', content })
const assistant = (content: string): PromptMessage => ({ role: 'assistant', content })

const texts = createTextService({ workerEntry: join(import.meta.dirname, '../../text/text-worker.ts') })
let folder: string
let released: number
let ready: Promise<void>

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'model-'))
  released = 0
  ready = Promise.resolve()
  writeFileSync(join(folder, 'tokenizer.json'), JSON.stringify(byteLevelJson()))
  writeFileSync(join(folder, 'tokenizer_config.json'), JSON.stringify(fixtureConfig))
  writeFileSync(
    join(folder, 'generation_config.json'),
    JSON.stringify({ do_sample: true, temperature: 0.4, top_k: 20, eos_token_id: [endId, 5] }),
  )
})

afterAll(() => texts.dispose())
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const target: Target = {
  name: 'tea-shop',
  model: { name: 'demo', version: 2, precision: 'fp32', contentHash: 'c0ffee' },
  adapters: [],
  assistant: { id: 'a1', name: 'Tea shop', version: 3 },
  where: { kind: 'local' },
  fingerprint: 'fp_0123456789ab',
}

function serviceOver(options: FakeEngineOptions): { readonly engine: FakeEngine; readonly replies: Answerer } {
  const engine = new FakeEngine(options)
  const engines = {
    acquire: async () => ({
      engine,
      ready: () => ready,
      release: () => {
        released += 1
      },
    }),
  }
  const replies = createLocalGeneration({
    texts: { open: ({ contentHash }) => texts.open(folder, contentHash) },
    engines,
    randomSeed: () => 77,
  })
  return { engine, replies }
}

const says = (text: string, batch = 1): FakeEngineOptions => ({
  reply: () => ({ tokens: tokenizer.encodeText(text), batch }),
})
const request = (patch: Partial<Ask> = {}): Ask => ({
  requestId: 'r1',
  client: 'key-1',
  priority: 'batch',
  target,
  instructions: null,
  input: { kind: 'chat', messages: [user('hello')] },
  parameters: {},
  stop: [],
  logprobs: null,
  echo: false,
  structure: null,
  speculation: true,
  ...patch,
})

async function collect(events: AsyncIterable<AnswerEvent>): Promise<AnswerEvent[]> {
  const seen: AnswerEvent[] = []
  for await (const event of events) seen.push(event)
  return seen
}
const never = (): AbortSignal => new AbortController().signal
const textOf = (events: readonly AnswerEvent[]): string =>
  events.map((event) => (event.kind === 'delta' ? event.text : '')).join('')

describe('a reply', () => {
  it('carries text, receipt and everything the engine was asked for', async () => {
    const { engine, replies } = serviceOver({
      reply: () => ({ tokens: tokenizer.encodeText('退款 👍'), batch: 3, cachedTokens: 2 }),
    })
    const events = await collect(
      replies.answer(request({ parameters: { topP: 0.9, maxTokens: 50, logitBias: { 3: -5 } } }), never()),
    )
    const promptIds = tokenizer.chat?.encode([user('hello')]) ?? []
    const completionTokens = tokenizer.encodeText('退款 👍').length + 1
    expect(engine.requests).toEqual([
      {
        requestId: 'r1',
        promptIds,
        maxTokens: 50,
        stopIds: [endId, 5],
        logprobs: null,
        promptLogprobs: null,
        cacheScope: 'key-1 fp_0123456789ab',
        client: 'key-1',
        priority: 'batch',
        speculation: true,
        sampling: {
          temperature: 0.4,
          topP: 0.9,
          topK: 20,
          minP: 0,
          repetitionPenalty: 1,
          frequencyPenalty: 0,
          presencePenalty: 0,
          logitBias: { 3: -5 },
          seed: 77,
        },
      },
    ])
    expect(events[0]).toEqual({
      kind: 'started',
      target,
      promptTokens: promptIds.length,
      truncated: null,
      seed: 77,
    })
    expect(textOf(events)).toBe('退款 👍')
    expect(events.at(-1)).toEqual({
      kind: 'done',
      receipt: {
        model: 'demo',
        modelVersion: 2,
        assistant: { name: 'Tea shop', version: 3 },
        systemFingerprint: 'fp_0123456789ab',
        provider: 'cpu',
        precision: 'fp32',
        queueMs: 1,
        ttftMs: 5,
        totalMs: 20,
        tokensPerSecond: ((completionTokens - 1) * 1000) / 15,
        promptTokens: promptIds.length,
        completionTokens,
        cachedTokens: 2,
        finishReason: 'stop',
        truncated: null,
        seed: 77,
      },
    })
    expect(released).toBe(1)
  })

  it('ends at the limit of tokens and never shows half a character', async () => {
    const { replies } = serviceOver(says('a👍b'))
    const events = await collect(replies.answer(request({ parameters: { maxTokens: 3 } }), never()))
    expect(textOf(events)).toBe('a')
    expect(events.at(-1)).toMatchObject({ kind: 'done', receipt: { finishReason: 'length', completionTokens: 3 } })
  })

  it('stops before the first stop string wherever token borders lie', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: fc.constantFrom('a', 'b', 'c', '退', '👍'), maxLength: 20 }),
        fc.array(fc.string({ unit: fc.constantFrom('a', 'b', 'c', '退', '👍'), minLength: 1, maxLength: 3 }), {
          maxLength: 4,
        }),
        fc.integer({ min: 1, max: 5 }),
        async (text, stop, batch) => {
          const { engine, replies } = serviceOver(says(text, batch))
          const events = await collect(replies.answer(request({ stop }), never()))
          // What a reader who watches letter by letter would cut.
          let expected = text
          let stopped = false
          for (let end = 1; end <= text.length && !stopped; end += 1) {
            const hits = stop.map((each) => text.slice(0, end).indexOf(each)).filter((at) => at >= 0)
            if (hits.length > 0) [expected, stopped] = [text.slice(0, Math.min(...hits)), true]
          }
          expect(textOf(events)).toBe(expected)
          expect(events.at(-1)).toMatchObject({ receipt: { finishReason: 'stop' } })
          expect(engine.running).toBe(0)
        },
      ),
      { numRuns: 150 },
    )
  })

  it('counts only the tokens up to a stop string', async () => {
    const { replies } = serviceOver(says('one two three'))
    const events = await collect(replies.answer(request({ stop: ['two'] }), never()))
    expect(textOf(events)).toBe('one ')
    expect(events.at(-1)).toMatchObject({
      receipt: { finishReason: 'stop', completionTokens: tokenizer.encodeText('one two').length },
    })
  })

  it('that has to have a form asks the engine for it, and a stop string inside it cuts it off', async () => {
    const { engine, replies } = serviceOver({
      ...says('{"a": 1}'),
      timings: { queueMs: 1, ttftMs: 5, totalMs: 20, grammarMs: 0.5 },
    })
    const structure = {
      format: { shape: { kind: 'reference', name: 'x' }, definitions: { x: { kind: 'any' } } },
      tools: null,
    } as const
    const whole = await collect(replies.answer(request({ structure }), never()))
    expect(engine.requests[0]?.grammar).toEqual({
      definitions: { x: { kind: 'any' } },
      root: { kind: 'json', shape: { kind: 'reference', name: 'x' } },
    })
    expect(whole.at(-1)).toMatchObject({ receipt: { finishReason: 'stop', grammarMs: 0.5 } })
    const cut = await collect(replies.answer(request({ structure, stop: ['1'] }), never()))
    expect(textOf(cut)).toBe('{"a": ')
    expect(cut.at(-1)).toMatchObject({ receipt: { finishReason: 'length' } })
    await collect(replies.answer(request({ structure: null }), never()))
    expect(engine.requests[2]).not.toHaveProperty('grammar')
  })

  it('that may call tools comes as calls, and stop strings are looked for in its words alone', async () => {
    const tools = {
      callable: [{ name: 'a', arguments: { shape: { kind: 'any' }, definitions: { '0:#': { kind: 'any' } } } }],
      required: false,
      maxCalls: 2,
    } as const
    const ask = async (text: string, patch: Partial<Ask> = {}): Promise<readonly unknown[]> => {
      const { engine, replies } = serviceOver(says(text, 3))
      const events = await collect(replies.answer(request({ structure: { format: null, tools }, ...patch }), never()))
      expect(engine.requests[0]?.grammar?.definitions).toEqual({ '0:#': { kind: 'any' }, 'a()': { kind: 'any' } })
      return events.slice(1).map((event) => {
        if (event.kind === 'toolCall') return [event.index, event.name, /^call_[0-9a-f]{32}$/u.test(event.id)]
        return event.kind === 'done'
          ? event.receipt.finishReason
          : event.kind === 'delta' || event.kind === 'toolArguments'
            ? `${event.kind} ${event.text}`
            : event
      })
    }
    const call = '<tool_call>\n{"name": "a", "arguments": {"b": "}"}}\n</tool_call>'
    const joined = (events: readonly unknown[]): string =>
      JSON.stringify(events).replaceAll('","toolArguments ', '').replaceAll('","delta ', '')
    expect(joined(await ask(`${call}\n${call}`))).toBe(
      JSON.stringify([[0, 'a', true], 'toolArguments {"b": "}"}', [1, 'a', true], 'toolArguments {"b": "}"}', 'stop']),
    )
    expect(joined(await ask('<tool is what I need'))).toBe(JSON.stringify(['delta <tool is what I need', 'stop']))
    expect(joined(await ask('I say <tool_call>', { stop: ['<tool_'] }))).toBe(JSON.stringify(['delta I say ', 'stop']))
    expect(joined(await ask('<tool\nis', { stop: ['\n'] }))).toBe(JSON.stringify(['delta <tool', 'stop']))
    expect(joined(await ask('<tool', { stop: ['ool'] }))).toBe(JSON.stringify(['delta <t', 'stop']))
    for (const stop of ['\n', '"}"', '<tool', '</tool'])
      expect(joined(await ask(call, { stop: [stop] }))).toBe(
        JSON.stringify([[0, 'a', true], 'toolArguments {"b": "}"}', 'stop']),
      )
  })

  it('gives each token with its bytes and alternatives', async () => {
    const { replies } = serviceOver(says('é!'))
    const events = await collect(replies.answer(request({ logprobs: 1 }), never()))
    const tokens = events.flatMap((event) => (event.kind === 'delta' ? event.tokens : []))
    expect(tokens.map(({ id }) => id)).toEqual(tokenizer.encodeText('é!'))
    expect(tokens.map(({ bytes }) => bytes)).toEqual([[0xc3], [0xa9], [0x21]])
    expect(tokens.map((piece) => piece.released)).toEqual(['', 'é', '!'])
    expect(tokens[2]).toEqual({
      id: tokens[2]?.id,
      text: '!',
      bytes: [0x21],
      released: '!',
      logprob: -0.25,
      top: [{ id: tokens[2]?.id, text: '!', bytes: [0x21], logprob: -0.25 }],
    })
  })

  it('echoes and scores a prompt', async () => {
    const { engine, replies } = serviceOver(says('!'))
    const events = await collect(
      replies.answer(
        request({
          input: { kind: 'text', prompt: 'hello<|im_end|>' },
          echo: true,
          logprobs: 0,
          parameters: { maxTokens: 1 },
        }),
        never(),
      ),
    )
    const ids = tokenizer.encodeText('hello<|im_end|>')
    expect(ids).not.toContain(endId)
    expect(engine.requests[0]).toMatchObject({ promptIds: ids, promptLogprobs: 0 })
    const prompt = events[1]
    expect(prompt).toMatchObject({ kind: 'prompt', text: 'hello<|im_end|>' })
    const pieces = prompt?.kind === 'prompt' ? prompt.tokens : []
    expect(pieces.map(({ id, logprob }) => [id, logprob])).toEqual(
      ids.map((id, index) => [id, index === 0 ? null : -0.25]),
    )
    expect(pieces.map((piece) => piece.released).join('')).toBe('hello<|im_end|>')
  })

  it('of ids tells which of them are no text', async () => {
    const { replies } = serviceOver(says('!'))
    const events = await collect(
      replies.answer(
        request({ input: { kind: 'ids', ids: [endId, ...tokenizer.encodeText('hi')] }, echo: true, logprobs: 0 }),
        never(),
      ),
    )
    expect(events[1]).toMatchObject({
      kind: 'prompt',
      text: 'hi',
      tokens: [{ released: '' }, { released: 'h' }, { released: 'i' }],
    })
  })

  it('ends with what it has when it is stopped', async () => {
    const { engine, replies } = serviceOver(says('hello there'))
    const abort = new AbortController()
    const seen: AnswerEvent[] = []
    for await (const event of replies.answer(request(), abort.signal)) {
      seen.push(event)
      if (event.kind === 'delta') abort.abort()
    }
    expect(textOf(seen)).toBe('hello')
    expect(seen.at(-1)).toMatchObject({ kind: 'done', receipt: { finishReason: 'cancelled', completionTokens: 1 } })
    expect([engine.cancelled, released]).toEqual([['r1'], 1])
  })

  it('stops the engine when its reader leaves', async () => {
    const { engine, replies } = serviceOver(says('hello there'))
    for await (const event of replies.answer(request(), never())) if (event.kind === 'delta') break
    expect([engine.running, engine.cancelled, released]).toEqual([0, ['r1'], 1])
  })

  it('of a person waits for an engine that restarts, and can be stopped meanwhile', async () => {
    const { engine, replies } = serviceOver(says('hello'))
    let restarted = (): void => undefined
    ready = new Promise((resolve) => (restarted = resolve))
    const waiting = collect(replies.answer(request({ priority: 'interactive' }), never()))
    const leaving = new AbortController()
    const left = collect(replies.answer(request({ priority: 'interactive' }), leaving.signal))
    leaving.abort()
    await expect(left).rejects.toMatchObject({ code: 'cancelled' })
    expect(engine.requests).toEqual([])
    restarted()
    expect(textOf(await waiting)).toBe('hello')
  })

  it('fails with the error of the engine, before anything was said', async () => {
    const error = new SwitchboardError('queue_full', 'all slots are taken')
    const { replies } = serviceOver({ reply: () => ({ tokens: [1], failure: { afterTokens: 0, error } }) })
    await expect(collect(replies.answer(request(), never()))).rejects.toBe(error)
    expect(released).toBe(1)
  })

  it.each([
    [{ input: { kind: 'text', prompt: '' } }, 'invalid_request'],
    [{ input: { kind: 'ids', ids: [0, 999_999] } }, 'invalid_request'],
    [{ input: { kind: 'ids', ids: [-1] } }, 'invalid_request'],
    [{ input: { kind: 'chat', messages: [] } }, 'invalid_request'],
    [{ parameters: { logitBias: { 999_999: 1 } } }, 'invalid_request'],
  ] as const)('refuses %j', async (patch, code) => {
    const { engine, replies } = serviceOver(says('x'))
    await expect(collect(replies.answer(request(patch), never()))).rejects.toMatchObject({ code })
    expect(engine.requests).toEqual([])
  })
})

describe('the context', () => {
  const small = { ...says('ok'), loaded: { contextLength: 100 } }
  const promptOf = async (
    messages: readonly PromptMessage[],
    maxTokens?: number,
  ): Promise<{ readonly text: string; readonly maxTokens: number; readonly started: AnswerEvent }> => {
    const { engine, replies } = serviceOver(small)
    const [started] = await collect(
      replies.answer(request({ input: { kind: 'chat', messages }, parameters: { maxTokens } }), never()),
    )
    const sent = engine.requests[0]
    if (started === undefined || sent === undefined) throw new Error('nothing was sent')
    return { text: tokenizer.decode(sent.promptIds), maxTokens: sent.maxTokens, started }
  }

  it('loses the oldest turns whole, never the system prompt or the last message', async () => {
    const messages = [
      { role: 'system', content: 'Be kind.' } as const,
      user('first question'),
      assistant('first answer'),
      user('second question'),
      assistant('second answer'),
      user('last one'),
    ]
    const all = tokenizer.chat?.encode(messages).length ?? 0
    const kept = [messages[0], ...messages.slice(3)].filter((message) => message !== undefined)
    const left = tokenizer.chat?.encode(kept).length ?? 0
    expect([all > 75, left <= 75]).toEqual([true, true])
    const { text, maxTokens, started } = await promptOf(messages)
    expect(text).toBe(tokenizer.decode(tokenizer.chat?.encode(kept) ?? []))
    expect(started).toMatchObject({ promptTokens: left, truncated: { droppedMessages: 2, droppedTokens: all - left } })
    expect(maxTokens).toBe(100 - left)
  })

  it.each([99, 100, 101])('takes a text of %i tokens only where a reply fits', async (length) => {
    const { engine, replies } = serviceOver(small)
    const answer = collect(
      replies.answer(request({ input: { kind: 'ids', ids: Array.from({ length }, () => 65) } }), never()),
    )
    if (length === 99) {
      await answer
      expect(engine.requests[0]?.maxTokens).toBe(1)
    } else {
      await expect(answer).rejects.toMatchObject({
        code: 'context_length_exceeded',
        details: { promptTokens: length, contextLength: 100 },
        message: expect.stringContaining(`${length} tokens`) as string,
      })
    }
  })

  it('scores a prompt that fills it', async () => {
    const { engine, replies } = serviceOver(small)
    await collect(
      replies.answer(
        request({
          input: { kind: 'ids', ids: Array.from({ length: 100 }, () => 65) },
          echo: true,
          logprobs: 0,
          parameters: { maxTokens: 0 },
        }),
        never(),
      ),
    )
    expect(engine.requests[0]).toMatchObject({ maxTokens: 0, promptLogprobs: 0 })
  })

  it('refuses a far too long text without encoding it', async () => {
    const { replies } = serviceOver(small)
    await expect(
      collect(replies.answer(request({ input: { kind: 'chat', messages: [user('x'.repeat(1_000_000))] } }), never())),
    ).rejects.toMatchObject({ code: 'context_length_exceeded', message: expect.stringContaining('at least') as string })
  })
})
