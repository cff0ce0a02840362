import { describe, expect, test } from 'vitest'
import type { ConsoleClient } from '../../../shared/contracts/console-bridge.ts'
import { ask, refused, replyTo, shownThread, Turn } from './console-subject.ts'

export function conversationRules(console: () => ConsoleClient): void {
  const titles = async (search?: string): Promise<readonly string[]> =>
    (await console().conversations.list({ ...(search === undefined ? {} : { search }) })).items.map(
      ({ title }) => title,
    )
  const named = async (title: string): Promise<string> => {
    const { id } = await console().conversations.create({})
    await console().conversations.update({ id, title })
    return id
  }

  describe('conversations', () => {
    test('a new one has the default assistant, or the one that is named, or none', async () => {
      const { conversations } = console()
      expect(await conversations.create({})).toMatchObject({
        title: '',
        assistantId: 'web-shop',
        model: null,
        systemPrompt: '',
        parameters: {},
        activeLeafId: null,
        messages: [],
      })
      expect(await conversations.create({ assistantId: 'plain' })).toMatchObject({ assistantId: 'plain' })
      expect(await conversations.create({ assistantId: null, model: 'demo' })).toMatchObject({
        assistantId: null,
        model: 'demo',
      })
      await refused(conversations.create({ assistantId: 'nobody' }), 'assistant_not_found')
      expect((await conversations.list({})).items).toHaveLength(3)
    })

    test('a default assistant that was removed is replaced by another built-in one, then by none', async () => {
      const { conversations, assistants } = console()
      await assistants.remove({ id: 'web-shop' })
      expect(await conversations.create({})).toMatchObject({ assistantId: 'plain' })
      await assistants.remove({ id: 'plain' })
      expect(await conversations.create({})).toMatchObject({ assistantId: null })
    })

    test('are listed by last use, a page at a time', async () => {
      const { conversations } = console()
      const ids = [await named('one'), await named('two'), await named('three'), await named('four')]
      await ask(console(), { conversationId: ids[1] ?? '', text: 'Are you there?' })
      // A new title is no use.
      await conversations.update({ id: ids[0] ?? '', title: 'One' })
      const first = await conversations.list({ limit: 3 })
      expect(first.items.map(({ title }) => title)).toEqual(['two', 'four', 'three'])
      const second = await conversations.list({ limit: 3, cursor: first.nextCursor ?? 'none' })
      expect(second).toMatchObject({ items: [{ title: 'One' }], nextCursor: null })
      expect((await conversations.list({ limit: 4 })).nextCursor).toBeNull()
      await refused(conversations.list({ cursor: 'elsewhere' }), 'invalid_request')
    })

    test('continuing and regenerating count as use', async () => {
      const { conversations, chat } = console()
      const older = await named('older')
      const { reply } = await ask(console(), { conversationId: older, text: 'Hello' })
      await named('newer')
      expect(await titles()).toEqual(['newer', 'older'])
      await (await Turn.open(chat.regenerate({ conversationId: older, messageId: reply.id }))).rest()
      expect(await titles()).toEqual(['older', 'newer'])
      expect((await conversations.get({ id: older })).messages).toHaveLength(3)
    })

    test('are found by their messages and titles', async () => {
      const { conversations } = console()
      const lamp = await named('Furniture')
      await ask(console(), { conversationId: lamp, text: 'The lamp from Málaga is broken.' })
      const { question } = await ask(console(), { conversationId: lamp, text: 'Which lamp? The green one.' })
      const shoes = await named('鞋子退货')
      await ask(console(), { conversationId: shoes, text: '鞋子不想要了，可以退吗？' })
      await named('A lamp in the title only')

      const found = await conversations.list({ search: 'LAMP' })
      expect(found.items.map(({ title }) => title)).toEqual(['A lamp in the title only', 'Furniture'])
      expect(found.items[0]).toMatchObject({ excerpt: null, matchedMessageId: null })
      expect(found.items[1]?.excerpt).toContain('lamp')
      // Of several messages the newest one counts: the reply, which repeats its question.
      const { messages } = await conversations.get({ id: lamp })
      expect(found.items[1]?.matchedMessageId).toBe(messages.at(-1)?.id)
      expect(messages.at(-1)).toMatchObject({ parentId: question.id })
      expect(await titles('green lamp')).toEqual(['Furniture'])
      expect(await titles('malaga')).toEqual(['Furniture'])
      expect(await titles('不想要')).toEqual(['鞋子退货'])
      expect(await titles('  ')).toHaveLength(3)
      expect(await titles('submarine')).toEqual([])
      const page = await conversations.list({ search: 'lamp', limit: 1 })
      const rest = await conversations.list({ search: 'lamp', limit: 1, cursor: page.nextCursor ?? 'none' })
      expect(rest).toMatchObject({ items: [{ id: lamp }], nextCursor: null })
    })

    test('an update changes what it names and keeps the rest', async () => {
      const { conversations } = console()
      const { id } = await conversations.create({ assistantId: null, model: 'demo' })
      await conversations.update({ id, systemPrompt: 'Be kind.', parameters: { temperature: 0.3 } })
      const renamed = await conversations.update({ id, title: 'Returns' })
      expect(renamed).toMatchObject({
        title: 'Returns',
        assistantId: null,
        model: 'demo',
        systemPrompt: 'Be kind.',
        parameters: { temperature: 0.3 },
      })
      expect(await conversations.update({ id, assistantId: 'plain', model: null })).toEqual({
        ...renamed,
        assistantId: 'plain',
        model: null,
      })
      expect(await conversations.get({ id })).toMatchObject({ assistantId: 'plain', systemPrompt: 'Be kind.' })
    })

    test('the first line of the first question becomes the title', async () => {
      const { conversations } = console()
      const { id } = await conversations.create({})
      await ask(console(), { conversationId: id, text: `  My   parcel\nis late` })
      await ask(console(), { conversationId: id, text: 'Another question' })
      expect(await conversations.get({ id })).toMatchObject({ title: 'My parcel' })
      const { id: long } = await conversations.create({})
      await ask(console(), { conversationId: long, text: 'lamp '.repeat(30) })
      expect(await conversations.get({ id: long })).toMatchObject({ title: `${'lamp '.repeat(11)}lamp…` })
    })

    test('a removed one is gone until it is restored', async () => {
      const { conversations, chat } = console()
      const id = await named('Here')
      const { question, reply } = await ask(console(), { conversationId: id, text: 'Hello' })
      const before = await conversations.get({ id })
      await conversations.remove({ id })
      expect(await titles()).toEqual([])
      expect(await titles('Hello')).toEqual([])
      const calls: readonly (() => Promise<unknown>)[] = [
        () => conversations.get({ id }),
        () => conversations.update({ id, title: 'There' }),
        () => conversations.showBranch({ id, messageId: question.id }),
        () => conversations.remove({ id }),
        () => chat.send({ conversationId: id, text: 'Hello' }),
        () => chat.regenerate({ conversationId: id, messageId: reply.id }),
        () => chat.continue({ conversationId: id, messageId: reply.id }),
        () => conversations.get({ id: 'never-was' }),
        () => conversations.restore({ id: 'never-was' }),
      ]
      for (const call of calls) await refused(call(), 'conversation_not_found')
      expect(await conversations.restore({ id })).toEqual(before)
      expect(await titles()).toEqual(['Here'])
    })
  })

  describe('branches', () => {
    test('a question goes under the shown leaf, under a given reply, or starts anew', async () => {
      const { conversations, chat } = console()
      const { id: conversationId } = await conversations.create({})
      const first = await ask(console(), { conversationId, text: 'one' })
      const second = await ask(console(), { conversationId, text: 'two' })
      expect(first.question.parentId).toBeNull()
      expect(second.question.parentId).toBe(first.reply.id)

      const edited = await ask(console(), { conversationId, text: 'two, edited', parentId: first.reply.id })
      expect(edited.question.parentId).toBe(first.reply.id)
      expect(shownThread(await conversations.get({ id: conversationId }))).toEqual([
        'one',
        replyTo('one'),
        'two, edited',
        replyTo('two, edited'),
      ])
      const anew = await ask(console(), { conversationId, text: 'anew', parentId: null })
      expect(anew.question.parentId).toBeNull()
      const all = await conversations.get({ id: conversationId })
      expect(all.messages.map(({ id }) => id)).toEqual(
        [first, second, edited, anew].flatMap(({ question, reply }) => [question.id, reply.id]),
      )

      const under = (parentId: string) => chat.send({ conversationId, text: 'x', parentId })
      await refused(under(first.question.id), 'invalid_request')
      await refused(under('nothing'), 'message_not_found')
      expect(await conversations.get({ id: conversationId })).toEqual(all)
    })

    test('another reply is a sibling of the first, also where the question is named', async () => {
      const { conversations, chat } = console()
      const { id: conversationId } = await conversations.create({})
      const { question, reply } = await ask(console(), { conversationId, text: 'Tell me' })
      for (const messageId of [reply.id, question.id])
        await (await Turn.open(chat.regenerate({ conversationId, messageId }))).rest()
      const { messages, activeLeafId } = await conversations.get({ id: conversationId })
      expect(messages.map(({ parentId, role }) => [parentId, role])).toEqual([
        [null, 'user'],
        [question.id, 'assistant'],
        [question.id, 'assistant'],
        [question.id, 'assistant'],
      ])
      expect(activeLeafId).toBe(messages.at(-1)?.id)
      await refused(chat.regenerate({ conversationId, messageId: 'nothing' }), 'message_not_found')
    })

    test('showing a branch goes down to its newest leaf', async () => {
      const { conversations } = console()
      const { id } = await conversations.create({})
      const root = await ask(console(), { conversationId: id, text: 'root' })
      await ask(console(), { conversationId: id, text: 'older' })
      const newer = await ask(console(), { conversationId: id, text: 'newer', parentId: root.reply.id })
      const deep = await ask(console(), { conversationId: id, text: 'deep' })
      await ask(console(), { conversationId: id, text: 'elsewhere', parentId: null })

      const { messages } = await conversations.get({ id })
      const older = messages.find(({ content }) => content === 'older')
      const show = async (messageId: string) => (await conversations.showBranch({ id, messageId })).activeLeafId
      expect(await show(root.question.id)).toBe(deep.reply.id)
      expect(await show(older?.id ?? '')).toBe(messages.find(({ parentId }) => parentId === older?.id)?.id)
      expect(await show(newer.question.id)).toBe(deep.reply.id)
      expect((await conversations.get({ id })).activeLeafId).toBe(deep.reply.id)
      await refused(conversations.showBranch({ id, messageId: 'nothing' }), 'message_not_found')
    })
  })
}
