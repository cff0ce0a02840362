import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Message, TurnEvent } from '../../shared/domain/conversation.ts'
import type { FinishReason, Receipt } from '../../shared/domain/generation.ts'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import { openStorage, type Storage } from '../storage/storage.ts'
import type { ReplyRequest, ReplyService } from '../answering/answer.ts'
import { createTurnService, promptOf } from './turns.ts'

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
let requests: ReplyRequest[]

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'turns-'))
  storage = openStorage({ path: join(folder, 'db'), builtInPresets: [] })
  conversationId = storage.conversations.create({
    model: 'demo',
    presetId: null,
    systemPrompt: 'Be kind.',
    parameters: { seed: 9 },
  }).id
  requests = []
})

afterEach(() => {
  storage.dispose()
  rmSync(folder, { recursive: true, force: true })
})

/** Says the pieces one after the other; an error ends it, an abort ends it as cancelled. */
const saying = (pieces: readonly (string | Error)[]): ReplyService => ({
  async *reply(request, signal) {
    requests.push(request)
    yield { kind: 'started', model: 'demo', systemFingerprint: 'fp_1', promptTokens: 4, truncated: null, seed: 6 }
    for (const piece of pieces) {
      await Promise.resolve()
      if (signal.aborted) return yield { kind: 'done', receipt: receiptOf('cancelled') }
      if (piece instanceof Error) throw piece
      yield { kind: 'delta', text: piece, tokens: [] }
    }
    yield { kind: 'done', receipt: receiptOf('stop') }
  },
})

/** A clock that moves by this much with each look. */
const ticking = (step: number) => {
  let at = 0
  return () => (at += step)
}
const never = (): AbortSignal => new AbortController().signal
const stored = (): readonly Message[] => storage.conversations.get(conversationId).messages
const summary = (): unknown[] => stored().map(({ content, state }) => [content, state.kind])

/** Reads a turn to its end. */
async function finish(turn: AsyncIterable<TurnEvent>): Promise<void> {
  const events = turn[Symbol.asyncIterator]()
  while ((await events.next()).done !== true) continue
}

describe('a turn', () => {
  it('has everything on the disk before it is shown', async () => {
    const turns = createTurnService({
      conversations: storage.conversations,
      replies: saying(['to', 'get', 'her']),
      monotonicMs: ticking(60),
    })
    const kinds: string[] = []
    for await (const event of turns.send({ conversationId, text: 'hello\nyou' }, never())) {
      kinds.push(event.kind)
      const [question, reply] = stored()
      if (event.kind === 'started')
        expect([event.userMessage, event.reply, event.title]).toEqual([question, reply, 'hello'])
      if (event.kind === 'delta') expect(reply?.content.endsWith(event.text)).toBe(true)
      if (event.kind === 'ended') expect(event.message).toEqual(reply)
    }
    expect(kinds).toEqual(['started', 'delta', 'delta', 'delta', 'ended'])
    expect(stored()[1]).toMatchObject({ content: 'together', state: { kind: 'complete' }, receipt: receiptOf('stop') })
    expect(requests[0]).toMatchObject({
      model: 'demo',
      parameters: { seed: 9 },
      input: {
        kind: 'chat',
        messages: [
          { role: 'system', content: 'Be kind.' },
          { role: 'user', content: 'hello\nyou' },
        ],
      },
    })
  })

  it('commits at most twenty times a second, the first piece at once', async () => {
    const turns = createTurnService({
      conversations: storage.conversations,
      replies: saying([...'abcdefghij']),
      monotonicMs: ticking(10),
    })
    const texts: string[] = []
    for await (const event of turns.send({ conversationId, text: 'x' }, never()))
      if (event.kind === 'delta') texts.push(event.text)
    expect(texts[0]).toBe('a')
    expect(texts.length).toBeLessThan(4)
    expect(stored()[1]?.content).toBe('abcdefghij')
  })

  it('runs alone in its conversation', async () => {
    const turns = createTurnService({ conversations: storage.conversations, replies: saying(['a', 'b']) })
    const first = turns.send({ conversationId, text: 'one' }, never())[Symbol.asyncIterator]()
    await first.next()
    await expect(
      turns.send({ conversationId, text: 'two' }, never())[Symbol.asyncIterator]().next(),
    ).rejects.toMatchObject({ code: 'conversation_busy' })
    expect(turns.counts).toEqual({ total: 1, active: 1 })
    await first.return?.()
    expect(turns.counts).toEqual({ total: 1, active: 0 })
    expect(summary()).toEqual([
      ['one', 'complete'],
      ['', 'stopped'],
    ])
    await finish(turns.send({ conversationId, text: 'three' }, never()))
    expect(stored()).toHaveLength(4)
  })

  it('keeps what was written when it is stopped or left', async () => {
    const turns = createTurnService({
      conversations: storage.conversations,
      replies: saying(['a', 'b', 'c']),
      monotonicMs: ticking(60),
    })
    for await (const event of turns.send({ conversationId, text: 'one' }, never()))
      if (event.kind === 'delta') turns.stop(conversationId)
    expect(stored()[1]).toMatchObject({ content: 'a', state: { kind: 'stopped' }, receipt: receiptOf('cancelled') })
    for await (const event of turns.send({ conversationId, text: 'two' }, never())) if (event.kind === 'delta') break
    expect(stored()[3]).toMatchObject({ content: 'a', state: { kind: 'stopped' }, receipt: null })
  })

  it('that fails keeps its text, the error and the way on', async () => {
    const error = new SwitchboardError('engine_crashed', 'the engine stopped', { retryAfterSeconds: 1 })
    const turns = createTurnService({
      conversations: storage.conversations,
      replies: saying(['partial ', 'text', error]),
      monotonicMs: ticking(10),
    })
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
    for await (const event of turns.regenerate({ conversationId, messageId: stored()[1]?.id ?? '' }, never()))
      again.push(event)
    expect(stored()).toHaveLength(3)
    expect(stored()[2]?.parentId).toBe(stored()[0]?.id)
  })

  it('refuses to begin while the program closes, and ends the running ones as interrupted', async () => {
    const turns = createTurnService({
      conversations: storage.conversations,
      replies: saying(['a', 'b', 'c']),
      monotonicMs: ticking(60),
    })
    const running = turns.send({ conversationId, text: 'one' }, never())[Symbol.asyncIterator]()
    await running.next()
    await running.next()
    let drained = false
    const drain = turns.drain().then(() => {
      drained = true
    })
    const other = storage.conversations.create({ model: 'demo', presetId: null, systemPrompt: '', parameters: {} })
    await expect(
      turns.send({ conversationId: other.id, text: 'x' }, never())[Symbol.asyncIterator]().next(),
    ).rejects.toMatchObject({ code: 'draining' })
    expect(drained).toBe(false)
    turns.dispose()
    expect(stored()[1]).toMatchObject({ content: 'a', state: { kind: 'interrupted', error: { code: 'draining' } } })
    await running.next()
    await running.next()
    await drain
    expect(stored()[1]).toMatchObject({ content: 'a', state: { kind: 'interrupted' } })
  })

  it('ends every reply when the program closes, also when the end of one cannot be stored', async () => {
    const full = new SwitchboardError('storage_full', 'the disk is full')
    const ended: string[] = []
    const conversations = {
      ...storage.conversations,
      endReply: (...end: Parameters<typeof storage.conversations.endReply>) => {
        ended.push(end[0])
        throw full
      },
    }
    const turns = createTurnService({ conversations, replies: saying(['a', 'b']) })
    const other = storage.conversations.create({ model: 'demo', presetId: null, systemPrompt: '', parameters: {} })
    for (const id of [conversationId, other.id])
      await turns.send({ conversationId: id, text: 'x' }, never())[Symbol.asyncIterator]().next()
    const drained = turns.drain()
    expect(() => turns.dispose()).toThrow(expect.objectContaining({ errors: [full, full] }))
    expect(new Set(ended).size).toBe(2)
    await drained
  })

  it('closes a reply whose end could not be stored, once storing works again', async () => {
    const full = new SwitchboardError('storage_full', 'the disk is full')
    let space = false
    const conversations = {
      ...storage.conversations,
      endReply: (...end: Parameters<typeof storage.conversations.endReply>) => {
        if (space) return storage.conversations.endReply(...end)
        throw full
      },
    }
    const turns = createTurnService({ conversations, replies: saying(['a']) })
    await expect(finish(turns.send({ conversationId, text: 'one' }, never()))).rejects.toBe(full)
    expect(summary()).toEqual([
      ['one', 'complete'],
      ['a', 'streaming'],
    ])
    space = true
    await finish(turns.send({ conversationId, text: 'two' }, never()))
    expect(summary()).toEqual([
      ['one', 'complete'],
      ['a', 'interrupted'],
      ['two', 'complete'],
      ['a', 'complete'],
    ])
  })

  it('leaves the conversation free after a question that cannot be stored', async () => {
    const turns = createTurnService({ conversations: storage.conversations, replies: saying(['a']) })
    await expect(
      turns.send({ conversationId, text: 'x', parentId: 'nope' }, never())[Symbol.asyncIterator]().next(),
    ).rejects.toMatchObject({ code: 'message_not_found' })
    await finish(turns.send({ conversationId, text: 'x' }, never()))
    expect(summary()).toEqual([
      ['x', 'complete'],
      ['a', 'complete'],
    ])
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

  it('leaves out questions that got no word, and a blank system prompt', () => {
    const thread = [
      message('user', 'one'),
      message('assistant', ''),
      message('user', 'two'),
      message('assistant', 'answer'),
      message('user', 'three'),
    ]
    expect(promptOf({ systemPrompt: ' \n' }, thread).map(({ content }) => content)).toEqual(['two', 'answer', 'three'])
  })
})
