import { readFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it } from 'vitest'
import type { Change } from '../../shared/domain/change.ts'
import type { Conversation, Message } from '../../shared/domain/conversation.ts'
import type { Receipt } from '../../shared/domain/generation.ts'
import { titleFrom } from './conversation-title.ts'
import { newConversation, useTemporaryStorage } from './testing/temporary-storage.ts'

const context = useTemporaryStorage({ workers: false })
const DAY_MS = 24 * 60 * 60 * 1000

const end = (
  id: string,
  text: string,
  state: { readonly kind: 'complete' | 'stopped' } = { kind: 'complete' },
  receipt: Receipt | null = null,
): Promise<Message> => context.storage.conversations.endReply(id, { text, state, receipt })
const contents = (messages: readonly Message[]): string[] => messages.map(({ content }) => content)
const create = (): Promise<Conversation> => context.storage.conversations.create(newConversation)
const found = async (search: string): Promise<string[]> => {
  const { items } = await context.storage.conversations.list({ search, limit: 50 })
  return items.map(({ id }) => id)
}

describe('conversations', () => {
  it('keep every branch and show one of them', async () => {
    const { conversations } = context.storage
    const { id } = await create()
    const first = await conversations.beginQuestion(id, 'one', undefined)
    expect([contents(first.thread), first.conversation.title, first.conversation.activeLeafId]).toEqual([
      ['one'],
      'one',
      first.reply.id,
    ])
    const answer = await end(first.reply.id, 'A')
    const second = await conversations.beginQuestion(id, 'two', undefined)
    expect(contents(second.thread)).toEqual(['one', 'A', 'two'])
    await end(second.reply.id, 'B')
    const again = await conversations.beginReply(id, answer.id)
    expect([again.question, contents(again.thread)]).toEqual([first.question, ['one']])
    await end(again.reply.id, 'A2', { kind: 'stopped' })
    const edited = await conversations.beginQuestion(id, 'one, edited', null)
    expect(contents(edited.thread)).toEqual(['one, edited'])
    await end(edited.reply.id, 'A3')
    expect((await conversations.get(id)).activeLeafId).toBe(edited.reply.id)
    expect((await conversations.showBranch(id, first.question.id)).activeLeafId).toBe(again.reply.id)
    expect((await conversations.showBranch(id, answer.id)).activeLeafId).toBe(second.reply.id)
    await expect(conversations.beginQuestion(id, 'x', first.question.id)).rejects.toMatchObject({
      code: 'invalid_request',
    })
    const other = await create()
    await expect(conversations.beginQuestion(other.id, 'x', answer.id)).rejects.toMatchObject({
      code: 'message_not_found',
    })
    await expect(conversations.beginReply('nobody', answer.id)).rejects.toMatchObject({
      code: 'conversation_not_found',
    })
  })

  it('grow a reply, end it with its receipt and keep the text byte for byte', async () => {
    const { conversations } = context.storage
    const { id } = await create()
    const text = 'a\u0000b 👩‍👩‍👧 \u202e退款'
    const { reply, question } = await conversations.beginQuestion(id, text, undefined)
    await conversations.appendText(reply.id, 'to')
    await conversations.appendText(reply.id, 'get')
    const receipt = { model: 'demo', promptTokens: 3 } as Receipt
    const ended = await end(reply.id, 'her', { kind: 'complete' }, receipt)
    expect(ended).toEqual({ ...reply, content: 'together', state: { kind: 'complete' }, receipt })
    expect((await conversations.get(id)).messages).toEqual([question, ended])
    expect(question.content).toBe(text)
    await expect(conversations.appendText(reply.id, 'more')).rejects.toMatchObject({ code: 'message_not_found' })
  })

  it('continue a reply that was cut off, in the same message', async () => {
    const { conversations } = context.storage
    const { id } = await create()
    const { reply, question } = await conversations.beginQuestion(id, 'Count.', undefined)
    const cutOff = { model: 'demo', finishReason: 'length' } as Receipt
    const whole = { model: 'demo', finishReason: 'stop' } as Receipt
    await end(reply.id, 'one ', { kind: 'complete' }, cutOff)
    const turn = await conversations.beginContinuation(id, reply.id)
    expect(turn).toMatchObject({
      question,
      reply: { id: reply.id, content: 'one ', state: { kind: 'streaming' }, receipt: null },
      thread: [question],
    })
    // Stopped before it had a receipt of its own.
    expect(await end(reply.id, 'two ', { kind: 'stopped' })).toMatchObject({ content: 'one two ', receipt: cutOff })
    await conversations.beginContinuation(id, reply.id)
    expect(await end(reply.id, 'three', { kind: 'complete' }, whole)).toMatchObject({
      content: 'one two three',
      receipt: whole,
    })
    expect(await found('three')).toEqual([id])
    for (const messageId of [reply.id, question.id])
      await expect(conversations.beginContinuation(id, messageId)).rejects.toMatchObject({ code: 'invalid_request' })
    expect((await conversations.get(id)).messages).toHaveLength(2)
  })

  it('mark what a dead process left behind', async () => {
    const { conversations } = context.storage
    const { id } = await create()
    const { reply } = await conversations.beginQuestion(id, 'hello', undefined)
    await conversations.appendText(reply.id, 'partial')
    expect(await context.storage.recover()).toEqual({ interrupted: 1, purged: 0 })
    expect((await conversations.get(id)).messages[1]).toMatchObject({
      content: 'partial',
      state: { kind: 'interrupted', error: { code: 'engine_crashed' } },
    })
    expect(await found('partial')).toEqual([id])
  })

  it('mark a reply whose end could not be stored when the next turn begins', async () => {
    const { conversations } = context.storage
    const { id } = await create()
    const lost = await conversations.beginQuestion(id, 'hello', undefined)
    const next = await conversations.beginQuestion(id, 'hello?', undefined)
    expect(next.thread[1]).toMatchObject({
      id: lost.reply.id,
      state: { kind: 'interrupted', error: { code: 'storage_failed' } },
    })
  })

  it('can be restored for thirty days, then leave no trace in the file', async () => {
    const { storage } = context
    const id = await context.say('my secret is zanzibarquokka', 'noted zanzibarquokka')
    await storage.conversations.remove(id)
    await expect(storage.conversations.get(id)).rejects.toMatchObject({ code: 'conversation_not_found' })
    context.clock += 30 * DAY_MS - 1
    expect(await storage.recover()).toEqual({ interrupted: 0, purged: 0 })
    expect((await storage.conversations.restore(id)).id).toBe(id)
    await storage.conversations.remove(id)
    context.clock += 30 * DAY_MS
    expect(await storage.purgeRemoved()).toBe(1)
    await expect(storage.conversations.restore(id)).rejects.toMatchObject({ code: 'conversation_not_found' })
    for (const suffix of ['', '-wal'])
      expect(readFileSync(context.path + suffix).includes('zanzibarquokka')).toBe(false)
  })

  it('of three thousand messages in one thread can be continued and purged', async () => {
    const { storage, path } = context
    const { id } = await create()
    const database = new DatabaseSync(path)
    database.exec('BEGIN')
    const insert = database.prepare(
      "INSERT INTO messages (id, conversation_id, parent_id, role, content, state, created_at) VALUES (?, ?, ?, 'assistant', 'x', 'complete', 0)",
    )
    for (let index = 0; index < 3000; index += 1) insert.run(`m${index}`, id, index === 0 ? null : `m${index - 1}`)
    database.exec('COMMIT')
    database.close()
    expect((await storage.conversations.beginQuestion(id, 'still there?', 'm2999')).thread).toHaveLength(3001)
    await storage.conversations.remove(id)
    context.clock += 30 * DAY_MS
    expect((await storage.recover()).purged).toBe(1)
  })

  it('are announced when they change, but not with each piece of a reply', async () => {
    const changes: Change[] = []
    context.storage.onChange((change) => changes.push(change))
    const { conversations } = context.storage
    const { id } = await create()
    const { reply } = await conversations.beginQuestion(id, 'hello', undefined)
    await conversations.appendText(reply.id, 'piece')
    await end(reply.id, '')
    await conversations.update(id, { title: 'Hi' })
    await expect(conversations.update('nobody', { title: 'Hi' })).rejects.toThrow('does not exist')
    await conversations.remove(id)
    expect(changes).toEqual(Array.from({ length: 5 }, () => ({ kind: 'conversations', id })))
  })

  it('change what a patch names and nothing else', async () => {
    const { conversations } = context.storage
    const { id } = await create()
    expect(await conversations.update(id, { assistantId: 'web-shop', model: null })).toMatchObject({
      assistantId: 'web-shop',
      model: null,
      systemPrompt: newConversation.systemPrompt,
      parameters: newConversation.parameters,
    })
    expect(await conversations.update(id, { assistantId: null, parameters: { topK: 2 } })).toMatchObject({
      assistantId: null,
      model: null,
      parameters: { topK: 2 },
    })
  })

  it('take their title from the first line', () => {
    expect(titleFrom('  hello   there\nmore')).toBe('hello there')
    expect([...titleFrom('退'.repeat(100))]).toHaveLength(60)
  })
})

describe('the list', () => {
  it('is sorted by use, not by the clock', async () => {
    const first = await context.say('first', 'a')
    context.clock -= 500_000
    const second = await context.say('second', 'b')
    expect(await found('')).toEqual([second, first])
  })

  it.each([undefined, 'parcel'])('is read page by page to its end (search: %s)', async (search) => {
    const said: string[] = []
    for (let number = 0; number < 7; number += 1) said.unshift(await context.say(`parcel ${number}`, 'ok'))
    const { conversations } = context.storage
    const seen: string[] = []
    let cursor: string | undefined
    do {
      const page = await conversations.list({ search, cursor, limit: 3 })
      seen.push(...page.items.map(({ id }) => id))
      cursor = page.nextCursor ?? undefined
      // Used while it is read: moves to the top, and nothing is skipped or repeated below.
      if (seen.length === 3) await conversations.beginQuestion(said[1] ?? '', 'parcel again', undefined)
    } while (cursor !== undefined)
    expect(seen).toEqual(said)
  })

  it('refuses a cursor that is not its own', async () => {
    await expect(context.storage.conversations.list({ cursor: 'x', limit: 3 })).rejects.toMatchObject({
      code: 'invalid_request',
      param: 'cursor',
    })
  })
})

describe('search', () => {
  it.each([
    ['我想退款，订单一直没到', '退款'],
    ['我想退款，订单一直没到', '单'],
    ['我想退款，订单一直没到', '没到'],
    ['Where is my parcel 4711?', 'parc'],
    ['Where is my parcel 4711?', 'PARCEL 4711'],
    ['¿Cuál es el plazo de devolución?', 'devolucion'],
    ['订单4711在哪里', '4711 哪里'],
  ])('finds %s by %s', async (text, search) => {
    const wanted = await context.say(text, 'ok')
    await context.say('nothing of interest', '好的')
    expect(await found(search)).toEqual([wanted])
  })

  it('looks through replies and titles, tells where it matched and leaves removed ones out', async () => {
    const { conversations } = context.storage
    const byReply = await context.say('hello', `${'so '.repeat(60)}the refund takes five days ${'and '.repeat(60)}`)
    const byTitle = await create()
    await conversations.update(byTitle.id, { title: 'Refund of Ms Lee' })
    await context.say('hello again', 'nothing')
    const { messages } = await conversations.get(byReply)
    const { items } = await conversations.list({ search: 'REFUND', limit: 5 })
    expect(items).toMatchObject([
      { id: byTitle.id, excerpt: null, matchedMessageId: null },
      {
        id: byReply,
        excerpt: expect.stringMatching(/^….*the refund takes five days.*…$/) as string,
        matchedMessageId: messages[1]?.id,
      },
    ])
    await conversations.remove(byReply)
    expect(await found('refund')).toEqual([byTitle.id])
  })

  it.each([
    '"',
    '*',
    'NEAR(',
    'a AND',
    'NOT',
    "'; DROP TABLE messages; --",
    '%_',
    'body:x',
    '{a b}: c',
    '^',
    '退款" OR "',
    'x'.repeat(200),
    '-',
    '\u0000',
    '\ud800',
  ])('takes %j as text', async (search) => {
    await context.say('a plain question', 'an answer')
    await expect(found(search)).resolves.toBeInstanceOf(Array)
    expect(await found('plain')).toHaveLength(1)
  })
})
