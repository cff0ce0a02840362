import { beforeEach, describe, expect, test } from 'vitest'
import type { ConsoleClient } from '../../../shared/contracts/console-bridge.ts'
import type { TurnEvent } from '../../../shared/domain/conversation.ts'
import { SwitchboardError } from '../../../shared/errors/switchboard-error.ts'
import { ask, piecesOf, refused, replyTo, Turn, Watch, type ConsoleSubject } from './console-subject.ts'

const text = 'Where is my parcel?'
const whole = replyTo(text)
const crash = new SwitchboardError('engine_crashed', 'the engine is gone')

export function turnRules(subject: () => ConsoleSubject): void {
  const chat = (): ConsoleClient['chat'] => subject().console.chat
  const stored = () => subject().console.conversations.get({ id: conversationId })
  let conversationId: string
  const begin = async (): Promise<void> => {
    conversationId = (await subject().console.conversations.create({})).id
  }

  describe('a turn', () => {
    beforeEach(begin)

    test('starts with the stored question and an empty reply, and ends with the whole reply', async () => {
      const turn = await Turn.open(chat().send({ conversationId, text }))
      const started = await turn.next('started')
      expect(started).toMatchObject({
        title: text,
        userMessage: { conversationId, parentId: null, role: 'user', content: text, state: { kind: 'complete' } },
        reply: { parentId: started.userMessage.id, role: 'assistant', content: '', state: { kind: 'streaming' } },
      })
      expect((await stored()).messages).toEqual([started.userMessage, started.reply])
      const first = await turn.next('delta')
      expect(first.messageId).toBe(started.reply.id)
      // Text that is shown is stored already.
      expect((await stored()).messages[1]?.content).toBe(first.text)
      const { text: rest, message } = await turn.rest()
      expect(first.text + rest).toBe(whole)
      expect(message).toMatchObject({
        id: started.reply.id,
        content: whole,
        state: { kind: 'complete' },
        receipt: { finishReason: 'stop', completionTokens: piecesOf(whole).length },
      })
      expect(await stored()).toMatchObject({ activeLeafId: message.id, messages: [started.userMessage, message] })
    })

    test('has its conversation for itself', async () => {
      const { reply } = await ask(subject().console, { conversationId, text })
      const turn = await Turn.open(chat().send({ conversationId, text: 'And now?' }))
      await turn.next('started')
      await refused(chat().send({ conversationId, text }), 'conversation_busy')
      await refused(chat().regenerate({ conversationId, messageId: reply.id }), 'conversation_busy')
      await refused(chat().continue({ conversationId, messageId: reply.id }), 'conversation_busy')
      const { id: other } = await subject().console.conversations.create({})
      expect((await ask(subject().console, { conversationId: other, text })).reply.content).toBe(whole)
      await turn.rest()
      expect((await stored()).messages).toHaveLength(4)
      await ask(subject().console, { conversationId, text })
    })

    test('that is stopped keeps its text, and can be continued in the same message', async () => {
      const turn = await Turn.open(chat().send({ conversationId, text }))
      await turn.next('started')
      const written = (await turn.next('delta')).text
      await chat().stop({ conversationId })
      const { message } = await turn.rest()
      expect(message).toMatchObject({
        content: written,
        state: { kind: 'stopped' },
        receipt: { finishReason: 'cancelled' },
      })

      const goingOn = await Turn.open(chat().continue({ conversationId, messageId: message.id }))
      expect(await goingOn.next('started')).toMatchObject({
        userMessage: { content: text },
        reply: { ...message, state: { kind: 'streaming' }, receipt: null },
      })
      const { text: added, message: ended } = await goingOn.rest()
      expect(ended).toMatchObject({ id: message.id, content: written + added, state: { kind: 'complete' } })
      expect((await stored()).messages).toHaveLength(2)
    })

    test('stops when its reader leaves', async () => {
      const turn = await Turn.open(chat().send({ conversationId, text }))
      await turn.next('started')
      const written = (await turn.next('delta')).text
      await turn.leave()
      expect((await stored()).messages[1]).toMatchObject({ content: written, state: { kind: 'stopped' } })
      await chat().stop({ conversationId })
      await ask(subject().console, { conversationId, text })
    })

    test('stops when its conversation is removed', async () => {
      const turn = await Turn.open(chat().send({ conversationId, text }))
      await turn.next('started')
      const written = (await turn.next('delta')).text
      await subject().console.conversations.remove({ id: conversationId })
      expect((await turn.rest()).message).toMatchObject({ content: written, state: { kind: 'stopped' } })
      const restored = await subject().console.conversations.restore({ id: conversationId })
      expect(restored.messages[1]).toMatchObject({ content: written, state: { kind: 'stopped' } })
    })

    test.each([0, 2])('that fails after %i pieces ends as interrupted, and can be continued', async (pieces) => {
      subject().failNextReply(pieces, crash)
      const { question, reply } = await ask(subject().console, { conversationId, text })
      const written = piecesOf(whole).slice(0, pieces).join('')
      expect(reply).toMatchObject({
        content: written,
        state: { kind: 'interrupted', error: { code: 'engine_crashed', message: 'the engine is gone' } },
        receipt: null,
      })
      expect((await stored()).messages).toEqual([question, reply])
      const { message, text: added } = await (
        await Turn.open(chat().continue({ conversationId, messageId: reply.id }))
      ).rest()
      expect(message).toMatchObject({ id: reply.id, content: written + added, state: { kind: 'complete' } })
    })

    test('does not continue what is complete, or no reply', async () => {
      const { question, reply } = await ask(subject().console, { conversationId, text })
      await refused(chat().continue({ conversationId, messageId: reply.id }), 'invalid_request')
      await refused(chat().continue({ conversationId, messageId: question.id }), 'invalid_request')
      await refused(chat().continue({ conversationId, messageId: 'nothing' }), 'message_not_found')
      expect((await stored()).messages).toEqual([question, reply])
    })

    test('of a removed assistant or model keeps the question and says why there is no reply', async () => {
      const { assistants, conversations } = subject().console
      await assistants.remove({ id: 'web-shop' })
      const { reply } = await ask(subject().console, { conversationId, text })
      expect(reply).toMatchObject({
        content: '',
        state: { kind: 'interrupted', error: { code: 'assistant_not_found' } },
      })
      await conversations.update({ id: conversationId, assistantId: null, model: 'gone' })
      const second = await ask(subject().console, { conversationId, text })
      expect(second.reply.state).toMatchObject({ kind: 'interrupted', error: { code: 'model_not_found' } })
      await conversations.update({ id: conversationId, model: null })
      expect((await ask(subject().console, { conversationId, text })).reply.state).toEqual({ kind: 'complete' })
    })
  })

  describe('the turns of other windows', () => {
    beforeEach(begin)

    const watch = (windowId?: string): Promise<Watch<TurnEvent>> =>
      Watch.open((options) =>
        chat().watch({ conversationId, ...(windowId === undefined ? {} : { windowId }) }, options),
      )
    const isEnded = (events: readonly TurnEvent[]): boolean => events.at(-1)?.kind === 'ended'
    /** Deltas as one text: how they are cut is not promised. */
    const summary = (events: readonly TurnEvent[]): unknown => ({
      first: events[0],
      text: events.map((event) => (event.kind === 'delta' ? event.text : '')).join(''),
      last: events.at(-1),
    })

    test('are seen from their start, the own ones are not', async () => {
      const [own, other, nameless] = [await watch('one'), await watch('two'), await watch()]
      const { id: elsewhere } = await subject().console.conversations.create({})
      await ask(subject().console, { conversationId: elsewhere, text, windowId: 'one' })
      const turn = await Turn.open(chat().send({ conversationId, text, windowId: 'one' }))
      const started = await turn.next('started')
      const { message } = await turn.rest()
      await Promise.all([other.until(isEnded), nameless.until(isEnded)])
      const seen = { first: started, text: whole, last: { kind: 'ended', message } }
      expect(summary(other.values)).toEqual(seen)
      expect(summary(nameless.values)).toEqual(seen)

      await ask(subject().console, { conversationId, text, windowId: 'two' })
      await own.until(isEnded)
      expect(own.values.filter(({ kind }) => kind === 'started')).toHaveLength(1)
      expect(other.values.filter(({ kind }) => kind === 'started')).toHaveLength(1)
      await Promise.all([own, other, nameless].map((window) => window.leave()))
    })

    test('are seen from where they are by a window that comes later; its leaving stops nothing', async () => {
      const turn = await Turn.open(chat().send({ conversationId, text }))
      const started = await turn.next('started')
      const written = (await turn.next('delta')).text
      const [staying, leaving] = [await watch(), await watch('two')]
      await leaving.until((events) => events.length > 0)
      await leaving.leave()
      const { text: rest, message } = await turn.rest()
      await staying.until(isEnded)
      const reply = { ...started.reply, content: written }
      expect(summary(staying.values)).toEqual({
        first: { ...started, reply },
        text: rest,
        last: { kind: 'ended', message },
      })
      expect(leaving.values).toEqual([{ ...started, reply }])
      expect(message.state).toEqual({ kind: 'complete' })
      await staying.leave()
    })

    test('end for them as they end for the window that asked', async () => {
      const other = await watch('two')
      subject().failNextReply(1, crash)
      const failed = await ask(subject().console, { conversationId, text, windowId: 'one' })
      await other.until(isEnded)
      expect(other.values.at(-1)).toEqual({ kind: 'ended', message: failed.reply })

      const turn = await Turn.open(chat().send({ conversationId, text, windowId: 'one' }))
      await turn.next('started')
      await turn.leave()
      await other.until((events) => isEnded(events) && events.at(-1) !== other.values[2])
      expect(other.values.at(-1)).toMatchObject({ kind: 'ended', message: { content: '', state: { kind: 'stopped' } } })
      await other.leave()
    })
  })
}
