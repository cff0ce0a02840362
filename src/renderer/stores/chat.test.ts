import { expect, test, vi } from 'vitest'
import { FakeConsole, type FakeConsoleOptions } from '../../shared/contracts/console.fake.ts'
import type { ConsoleClient } from '../../shared/contracts/console-bridge.ts'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import { shownMessages } from './chat-state.ts'
import { createChatStore } from './chat.ts'

/** A chat store over the fake console; frames run when the test says so. */
async function chatUnderTest(
  options: FakeConsoleOptions = {},
  wrap: (fake: FakeConsole) => ConsoleClient = (fake) => fake,
) {
  const fake = new FakeConsole({ reply: () => 'One two three four', ...options })
  const frames: (() => void)[] = []
  const changes: string[] = []
  const chat = createChatStore({
    client: wrap(fake),
    schedule: (run) => frames.push(run),
    windowId: 'this-window',
    onChange: ({ title }) => changes.push(title),
  })
  const conversation = await fake.conversations.create({})
  chat.adopt(conversation)
  const { id } = conversation
  const entry = () => {
    const found = chat.store.getState().entries[id]
    if (!found) throw new Error('the conversation is not held')
    return found
  }
  return {
    fake,
    chat,
    id,
    entry,
    changes,
    frames,
    shown: () => shownMessages(entry()).map(({ role, content, state }) => ({ role, content, state: state.kind })),
  }
}

test('a question is shown at once, the reply grows, and both end as stored', async () => {
  const { chat, id, entry, shown, changes } = await chatUnderTest()
  const sending = chat.send(id, 'Where is it?')
  expect(entry().turn).toEqual({ kind: 'waiting', question: 'Where is it?', parentId: null })
  expect(await sending).toBe(true)
  expect(shown()).toEqual([
    { role: 'user', content: 'Where is it?', state: 'complete' },
    { role: 'assistant', content: 'One two three four', state: 'complete' },
  ])
  expect(entry().turn).toBeNull()
  expect(changes).toEqual(['Where is it?', 'Where is it?'])
})

test('deltas reach the store once a frame, however many come', async () => {
  let release = (): void => undefined
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  let deltas = 0
  const { chat, id, entry, frames } = await chatUnderTest({
    wait: async () => {
      if ((deltas += 1) === 4) await held
    },
  })
  let updates = 0
  const sending = chat.send(id, 'Hi')
  const stop = chat.store.subscribe(() => {
    updates += 1
  })
  await vi.waitUntil(() => deltas === 4)
  const before = updates
  expect(entry().turn).toMatchObject({ kind: 'writing', text: '' })
  frames.splice(0).forEach((run) => run())
  expect({ added: updates - before, turn: entry().turn }).toMatchObject({
    added: 1,
    turn: { kind: 'writing', text: 'One two three' },
  })
  stop()
  release()
  await sending
})

test('regenerating and editing add versions; the earlier ones can be shown again', async () => {
  const { chat, id, entry, shown } = await chatUnderTest()
  await chat.send(id, 'First')
  const reply = shownMessages(entry())[1]
  await chat.regenerate(id, reply?.id ?? '')
  expect(entry().conversation?.messages.length).toBe(3)
  await chat.send(id, 'First, edited', null)
  expect(shown().map(({ content }) => content)).toEqual(['First, edited', 'One two three four'])
  await chat.showBranch(id, reply?.id ?? '')
  expect(shown().map(({ content }) => content)).toEqual(['First', 'One two three four'])
})

test('stopping keeps what was written and says so', async () => {
  const { chat, id, shown } = await chatUnderTest({
    wait: async () => {
      if ((waits += 1) === 3) await chat.stop(id)
    },
  })
  let waits = 0
  await chat.send(id, 'Hi')
  expect(shown()[1]).toEqual({ role: 'assistant', content: 'One two', state: 'stopped' })
})

test('a crash in the middle leaves the text, marked interrupted with its reason', async () => {
  const { fake, chat, id, entry, shown } = await chatUnderTest()
  fake.failure = { afterDeltas: 2, error: new SwitchboardError('engine_crashed', 'gone') }
  await chat.send(id, 'Hi')
  expect(shown()[1]).toEqual({ role: 'assistant', content: 'One two', state: 'interrupted' })
  expect(shownMessages(entry())[1]?.state).toEqual({
    kind: 'interrupted',
    error: { code: 'engine_crashed', message: 'gone' },
  })
})

/** The fake with a stream that breaks on the wire after some events. */
const breaking =
  (after: number) =>
  (fake: FakeConsole): ConsoleClient => ({
    ...fake,
    chat: {
      ...fake.chat,
      send: async (...input) => {
        const stream = await fake.chat.send(...input)
        return (async function* () {
          let events = 0
          for await (const event of stream) {
            if (events === after) throw new SwitchboardError('disconnected', 'socket closed')
            events += 1
            yield event
          }
        })()
      },
    },
  })

test('a connection lost in the middle is not shown as a finished reply', async () => {
  const { chat, id, entry, shown } = await chatUnderTest({}, breaking(3))
  expect(await chat.send(id, 'Hi')).toBe(true)
  expect(shown()[1]).toEqual({ role: 'assistant', content: 'One two', state: 'interrupted' })
  expect(entry().turn).toBeNull()
  // What was stored counts once the connection is back: a word more than had arrived.
  await chat.reload()
  expect(shown()[1]).toEqual({ role: 'assistant', content: 'One two three', state: 'stopped' })
})

test('a question that was not taken is given back with the reason', async () => {
  const { chat, id, entry, shown } = await chatUnderTest({}, breaking(0))
  expect(await chat.send(id, 'Hi')).toBe(false)
  expect({ shown: shown(), turn: entry().turn, code: entry().turnError?.code }).toEqual({
    shown: [],
    turn: null,
    code: 'disconnected',
  })
  // The connection is there again.
  await chat.reload()
  expect(entry().turnError).toBeNull()
  await chat.send(id, 'Hi')
  chat.dismissError(id)
  expect(entry().turnError).toBeNull()
})

test('changed instructions show at once and go back when they are refused', async () => {
  const { fake, chat, id, entry } = await chatUnderTest()
  const saving = chat.update(id, { systemPrompt: 'Be brief.' })
  expect([entry().conversation?.systemPrompt, entry().saving.kind]).toEqual(['Be brief.', 'saving'])
  await saving
  expect(entry().saving.kind).toBe('saved')
  await fake.conversations.remove({ id })
  await chat.update(id, { systemPrompt: 'Lost.' })
  expect([entry().conversation?.systemPrompt, entry().saving.kind]).toEqual(['Be brief.', 'failed'])
})

test('a reply that was stopped goes on in the same message', async () => {
  let waits = 0
  const { chat, id, entry, shown } = await chatUnderTest({
    reply: () => 'One two',
    wait: async () => {
      if ((waits += 1) === 2) await chat.stop(id)
    },
  })
  await chat.send(id, 'Hi')
  expect(shown()[1]).toEqual({ role: 'assistant', content: 'One', state: 'stopped' })
  await chat.continue(id, shownMessages(entry())[1]?.id ?? '')
  expect(shown()).toEqual([
    { role: 'user', content: 'Hi', state: 'complete' },
    { role: 'assistant', content: 'OneOne two', state: 'complete' },
  ])
})

/** Two windows over one program. */
async function twoWindows() {
  const a = await chatUnderTest()
  const chat = createChatStore({
    client: a.fake,
    schedule: (run) => run(),
    windowId: 'other-window',
    onChange: () => undefined,
  })
  const b = () => {
    const entry = chat.store.getState().entries[a.id]
    return entry ? shownMessages(entry).map(({ content }) => content) : []
  }
  const close = chat.open(a.id)
  await vi.waitUntil(() => chat.store.getState().entries[a.id]?.conversation)
  return { a, chat, b, close }
}

test('a turn of another window is drawn as it is written, and ends as stored', async () => {
  const { a, chat, b, close } = await twoWindows()
  await a.chat.send(a.id, 'Where is it?')
  await vi.waitUntil(() => chat.store.getState().entries[a.id]?.turn === null && b().length > 0)
  expect(b()).toEqual(['Where is it?', 'One two three four'])
  expect(b()).toEqual(a.shown().map(({ content }) => content))
  close()
  await a.chat.send(a.id, 'And now?')
  expect(b().length).toBe(2)
})

test('a turn under a message this window does not know loads the conversation before it is drawn', async () => {
  const { a, chat, b, close } = await twoWindows()
  close()
  await a.chat.send(a.id, 'First, with no other window open')
  const stop = chat.open(a.id)
  await a.chat.send(a.id, 'Second')
  await vi.waitUntil(() => chat.store.getState().entries[a.id]?.turn === null && b().length > 0)
  expect(b()).toEqual(['First, with no other window open', 'One two three four', 'Second', 'One two three four'])
  stop()
})

test('a question of this window under messages it does not know is one transcript with them', async () => {
  const { a, chat, b, close } = await twoWindows()
  close()
  await a.chat.send(a.id, 'First')
  await chat.send(a.id, 'Second')
  expect(b()).toEqual(['First', 'One two three four', 'Second', 'One two three four'])
})

test('what was fetched during a turn is fetched again after it', async () => {
  let release = (): void => undefined
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  const { fake, chat, id, entry } = await chatUnderTest({ wait: () => held })
  const sending = chat.send(id, 'Hi')
  await vi.waitUntil(() => entry().turn?.kind === 'writing')
  await fake.conversations.update({ id, title: 'Renamed elsewhere' })
  await chat.refresh(id)
  expect([entry().conversation?.title, entry().turn?.kind]).toEqual(['Renamed elsewhere', 'writing'])
  release()
  await sending
  await vi.waitUntil(() => !entry().loading)
  expect(shownMessages(entry()).map(({ content }) => content)).toEqual(['Hi', 'One two three four'])
})
