import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Message, TurnEvent } from '../../shared/domain/conversation.ts'
import type { FinishReason, Receipt } from '../../shared/domain/generation.ts'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import type { Ask } from '../../shared/domain/ask.ts'
import type { Target } from '../../shared/domain/target.ts'
import { accept } from '../answering/accept.ts'
import { pipeline, type Answerer } from '../answering/answer.ts'
import type { Storage } from '../storage/repositories.ts'
import { openStorage } from '../storage/storage.ts'
import { createTurnService, promptOf, type TurnDependencies } from './turns.ts'

const receiptOf = (finishReason: FinishReason): Receipt => ({
  model: 'demo',
  systemFingerprint: 'fp_1',
  provider: 'cpu',
  precision: 'fp32',
  queueMs: 0,
  ttftMs: 1,
  totalMs: 2,
  tokensPerSecond: 3,
  promptTokens: 4,
  completionTokens: 5,
  cachedTokens: 0,
  finishReason,
  truncated: null,
  seed: 6,
})

let folder: string
let storage: Storage
let conversationId: string
let asked: Ask[]

const target: Target = {
  name: 'demo',
  model: { name: 'demo', version: 1, precision: 'fp32', contentHash: 'c0ffee' },
  adapters: [],
  assistant: null,
  where: { kind: 'local' },
  fingerprint: 'fp_1',
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'turns-'))
  storage = await openStorage({ path: join(folder, 'db'), builtInAssistants: [], workers: false })
  conversationId = (await newConversation()).id
  asked = []
})

afterEach(async () => {
  await storage.dispose()
  rmSync(folder, { recursive: true, force: true })
})

const newConversation = () =>
  storage.conversations.create({ assistantId: null, model: 'demo', systemPrompt: 'Be kind.', parameters: { seed: 9 } })

/** Says the pieces one after the other; an error ends it, an abort ends it as cancelled. */
const saying = (pieces: readonly (string | Error)[]): Answerer =>
  pipeline([accept], {
    async *answer(ask, signal) {
      asked.push(ask)
      yield { kind: 'started', target, promptTokens: 4, truncated: null, seed: 6 }
      for (const piece of pieces) {
        await Promise.resolve()
        if (signal.aborted) return yield { kind: 'done', receipt: receiptOf('cancelled') }
        if (piece instanceof Error) throw piece
        yield { kind: 'delta', text: piece, tokens: [] }
      }
      yield { kind: 'done', receipt: receiptOf('stop') }
    },
  })

let ids = 0
const turnsOver = (answerer: Answerer, patch: Partial<TurnDependencies> = {}) =>
  createTurnService({
    conversations: storage.conversations,
    resolver: {
      forConversation: async ({ systemPrompt, parameters }) => ({ target, instructions: { systemPrompt, parameters } }),
    },
    answerer,
    newId: () => `request-${(ids += 1)}`,
    ...patch,
  })

const never = (): AbortSignal => new AbortController().signal
const stored = async (): Promise<readonly Message[]> => (await storage.conversations.get(conversationId)).messages
const summary = async (): Promise<unknown[]> => (await stored()).map(({ content, state }) => [content, state.kind])

/** Reads a turn to its end. */
async function finish(turn: AsyncIterable<TurnEvent>): Promise<void> {
  const events = turn[Symbol.asyncIterator]()
  while ((await events.next()).done !== true) continue
}

describe('a turn', () => {
  it('has everything on the disk before it is shown', async () => {
    const turns = turnsOver(saying(['to', 'get', 'her']))
    const kinds: string[] = []
    for await (const event of turns.send({ conversationId, text: 'hello\nyou' }, never())) {
      kinds.push(event.kind)
      const [question, reply] = await stored()
      if (event.kind === 'started')
        expect([event.userMessage, event.reply, event.title]).toEqual([question, reply, 'hello'])
      if (event.kind === 'delta') expect(reply?.content.endsWith(event.text)).toBe(true)
      if (event.kind === 'ended') expect(event.message).toEqual(reply)
    }
    expect(kinds).toEqual(['started', 'delta', 'delta', 'delta', 'ended'])
    expect((await stored())[1]).toMatchObject({
      content: 'together',
      state: { kind: 'complete' },
      receipt: receiptOf('stop'),
    })
    expect(asked[0]).toMatchObject({
      target,
      instructions: { systemPrompt: 'Be kind.', parameters: { seed: 9 } },
      input: { kind: 'chat', messages: [{ role: 'user', content: 'hello\nyou' }] },
    })
  })

  it('runs alone in its conversation', async () => {
    const turns = turnsOver(saying(['a', 'b']))
    const first = turns.send({ conversationId, text: 'one' }, never())[Symbol.asyncIterator]()
    await first.next()
    await expect(
      turns.send({ conversationId, text: 'two' }, never())[Symbol.asyncIterator]().next(),
    ).rejects.toMatchObject({ code: 'conversation_busy' })
    expect(turns.counts).toEqual({ total: 1, active: 1 })
    await first.return?.()
    expect(turns.counts).toEqual({ total: 1, active: 0 })
    expect(await summary()).toEqual([
      ['one', 'complete'],
      ['', 'stopped'],
    ])
    await finish(turns.send({ conversationId, text: 'three' }, never()))
    expect(await stored()).toHaveLength(4)
  })

  it('keeps what was written when it is stopped or left', async () => {
    const turns = turnsOver(saying(['a', 'b', 'c']))
    for await (const event of turns.send({ conversationId, text: 'one' }, never()))
      if (event.kind === 'delta') turns.stop(conversationId)
    expect((await stored())[1]).toMatchObject({
      content: 'a',
      state: { kind: 'stopped' },
      receipt: receiptOf('cancelled'),
    })
    for await (const event of turns.send({ conversationId, text: 'two' }, never())) if (event.kind === 'delta') break
    expect((await stored())[3]).toMatchObject({ content: 'a', state: { kind: 'stopped' }, receipt: null })
  })

  it('that fails keeps its text, the error and the way on', async () => {
    const error = new SwitchboardError('engine_crashed', 'the engine stopped', { retryAfterSeconds: 1 })
    const turns = turnsOver(saying(['partial ', 'text', error]))
    const events: TurnEvent[] = []
    for await (const event of turns.send({ conversationId, text: 'one' }, never())) events.push(event)
    expect(events.at(-1)).toMatchObject({
      kind: 'ended',
      message: {
        content: 'partial text',
        state: {
          kind: 'interrupted',
          error: { code: 'engine_crashed', message: 'the engine stopped', retryAfterSeconds: 1 },
        },
      },
    })
    const again: TurnEvent[] = []
    for await (const event of turns.regenerate({ conversationId, messageId: (await stored())[1]?.id ?? '' }, never()))
      again.push(event)
    expect(await stored()).toHaveLength(3)
    expect((await stored())[2]?.parentId).toBe((await stored())[0]?.id)
  })

  it('refuses to begin while the program closes, and ends the running ones as interrupted', async () => {
    const turns = turnsOver(saying(['a', 'b', 'c']))
    const running = turns.send({ conversationId, text: 'one' }, never())[Symbol.asyncIterator]()
    await running.next()
    await running.next()
    let drained = false
    const drain = turns.drain().then(() => {
      drained = true
    })
    const other = await newConversation()
    await expect(
      turns.send({ conversationId: other.id, text: 'x' }, never())[Symbol.asyncIterator]().next(),
    ).rejects.toMatchObject({ code: 'draining' })
    expect(drained).toBe(false)
    await turns.dispose()
    expect((await stored())[1]).toMatchObject({
      content: 'a',
      state: { kind: 'interrupted', error: { code: 'draining' } },
    })
    await running.next()
    await running.next()
    await drain
    expect((await stored())[1]).toMatchObject({ content: 'a', state: { kind: 'interrupted' } })
  })

  it('ends every reply when the program closes, also when the end of one cannot be stored', async () => {
    const full = new SwitchboardError('storage_full', 'the disk is full')
    const ended: string[] = []
    const conversations = {
      ...storage.conversations,
      endReply: (...end: Parameters<typeof storage.conversations.endReply>) => {
        ended.push(end[0])
        return Promise.reject(full)
      },
    }
    const turns = turnsOver(saying(['a', 'b']), { conversations })
    const other = await newConversation()
    for (const id of [conversationId, other.id])
      await turns.send({ conversationId: id, text: 'x' }, never())[Symbol.asyncIterator]().next()
    const drained = turns.drain()
    await expect(turns.dispose()).rejects.toMatchObject({ errors: [full, full] })
    expect(new Set(ended).size).toBe(2)
    await drained
  })

  it('closes a reply whose end could not be stored, once storing works again', async () => {
    const full = new SwitchboardError('storage_full', 'the disk is full')
    let space = false
    const conversations = {
      ...storage.conversations,
      endReply: (...end: Parameters<typeof storage.conversations.endReply>) => {
        return space ? storage.conversations.endReply(...end) : Promise.reject(full)
      },
    }
    const turns = turnsOver(saying(['a']), { conversations })
    await expect(finish(turns.send({ conversationId, text: 'one' }, never()))).rejects.toBe(full)
    expect(await summary()).toEqual([
      ['one', 'complete'],
      ['a', 'streaming'],
    ])
    space = true
    await finish(turns.send({ conversationId, text: 'two' }, never()))
    expect(await summary()).toEqual([
      ['one', 'complete'],
      ['a', 'interrupted'],
      ['two', 'complete'],
      ['a', 'complete'],
    ])
  })

  it('leaves the conversation free after a question that cannot be stored', async () => {
    const turns = turnsOver(saying(['a']))
    await expect(
      turns.send({ conversationId, text: 'x', parentId: 'nope' }, never())[Symbol.asyncIterator]().next(),
    ).rejects.toMatchObject({ code: 'message_not_found' })
    await finish(turns.send({ conversationId, text: 'x' }, never()))
    expect(await summary()).toEqual([
      ['x', 'complete'],
      ['a', 'complete'],
    ])
  })

  it('stores the question as the pipeline accepted it, and generation gets what was asked', async () => {
    const masking: Answerer = {
      async *answer(ask, signal) {
        for await (const event of saying(['ok']).answer(ask, signal))
          yield event.kind === 'accepted' ? { kind: 'accepted', question: 'My card is ****' } : event
      },
    }
    await finish(turnsOver(masking).send({ conversationId, text: 'My card is 1234' }, never()))
    expect(await summary()).toEqual([
      ['My card is ****', 'complete'],
      ['ok', 'complete'],
    ])
    expect(asked[0]?.input).toMatchObject({ messages: [{ content: 'My card is 1234' }] })
  })

  it('that cannot be resolved keeps the question and says why', async () => {
    const gone = new SwitchboardError('model_not_found', 'there is no model named "tea"')
    const turns = turnsOver(saying(['x']), { resolver: { forConversation: () => Promise.reject(gone) } })
    await finish(turns.send({ conversationId, text: 'one' }, never()))
    expect(await stored()).toMatchObject([
      { content: 'one', state: { kind: 'complete' } },
      { content: '', state: { kind: 'interrupted', error: { code: 'model_not_found' } } },
    ])
  })

  it('goes on with a reply that was stopped, in the same message', async () => {
    const turns = turnsOver(saying(['Half a ', 'sentence']))
    for await (const event of turns.send({ conversationId, text: 'one' }, never()))
      if (event.kind === 'delta') turns.stop(conversationId)
    const [, reply] = await stored()
    expect(reply).toMatchObject({ content: 'Half a ', state: { kind: 'stopped' } })
    await finish(turnsOver(saying(['loaf.'])).continue({ conversationId, messageId: reply?.id ?? '' }, never()))
    expect(await summary()).toEqual([
      ['one', 'complete'],
      ['Half a loaf.', 'complete'],
    ])
    expect(asked.at(-1)?.input).toMatchObject({ begun: 'Half a ', messages: [{ role: 'user', content: 'one' }] })
  })
})

describe('a window that watches', () => {
  it('sees a turn of another window from what was written so far, and none of its own', async () => {
    const turns = turnsOver(saying(['a', 'b', 'c']))
    const running = turns.send({ conversationId, text: 'one', windowId: 'w1' }, never())[Symbol.asyncIterator]()
    await running.next()
    await running.next()
    const abort = new AbortController()
    const own: TurnEvent[] = []
    const ownEnded = (async () => {
      for await (const event of turns.watch({ conversationId, windowId: 'w1' }, abort.signal)) own.push(event)
    })()
    const other = turns.watch({ conversationId, windowId: 'w2' }, abort.signal)[Symbol.asyncIterator]()
    expect((await other.next()).value).toMatchObject({
      kind: 'started',
      userMessage: { content: 'one' },
      reply: { content: 'a' },
    })
    while ((await running.next()).done !== true) continue
    const seen: string[] = []
    while (seen.at(-1) !== 'ended') {
      const { value } = (await other.next()) as { value: TurnEvent }
      seen.push(value.kind === 'delta' ? value.text : value.kind)
    }
    abort.abort()
    await ownEnded
    expect(own).toEqual([])
    expect(seen.join('')).toBe('bcended')
  })
})

describe('the prompt of a thread', () => {
  const message = (role: Message['role'], content: string): Message => ({
    id: '',
    conversationId: '',
    parentId: null,
    role,
    content,
    state: { kind: 'complete' },
    receipt: null,
    createdAt: 0,
  })

  it('leaves out questions without an answer', () => {
    const thread = [
      message('user', 'one'),
      message('assistant', ''),
      message('user', 'two'),
      message('assistant', 'answer'),
      message('user', 'three'),
    ]
    expect(promptOf(thread).map(({ content }) => content)).toEqual(['two', 'answer', 'three'])
  })
})
