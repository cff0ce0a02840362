import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { FakeConsole } from '../../shared/contracts/console.fake.ts'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import { createConversationFinder } from './conversation-finder.ts'
import { createConversationsStore } from './conversations.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

function finderUnderTest(
  list: (fake: FakeConsole) => FakeConsole['conversations']['list'] = (fake) => fake.conversations.list,
) {
  const fake = new FakeConsole()
  const asked = vi.fn(list(fake))
  const client = { ...fake, conversations: { ...fake.conversations, list: asked } }
  const finder = createConversationFinder(client)
  return { client, finder, asked, ids: () => finder.store.getState().found.map(({ id }) => id) }
}

test('it finds by its own text, also inside messages, whatever the list is searching for', async () => {
  const { client, finder, ids } = finderUnderTest()
  const conversations = createConversationsStore(client)
  await conversations.search('zzzz')
  finder.find('')
  await vi.runAllTimersAsync()
  expect(ids().length).toBe(5)
  finder.find(' 4417223 ')
  await vi.runAllTimersAsync()
  expect([ids(), finder.store.getState().text]).toEqual([['c-chinese'], '4417223'])
})

test('typing asks once, when it rests, and an overtaken answer is dropped', async () => {
  const pending: (() => void)[] = []
  const { finder, asked, ids } = finderUnderTest((fake) => async (...input) => {
    await new Promise<void>((resolve) => {
      pending.push(resolve)
    })
    return await fake.conversations.list(...input)
  })
  for (const text of ['r', 're', 'ret']) finder.find(text)
  await vi.runAllTimersAsync()
  finder.find('4417223')
  await vi.runAllTimersAsync()
  expect(asked.mock.calls.map(([input]) => input)).toEqual([{ search: 'ret' }, { search: '4417223' }])
  for (const resolve of pending.toReversed()) {
    resolve()
    await vi.runAllTimersAsync()
  }
  expect(ids()).toEqual(['c-chinese'])
})

test('a program that is gone leaves the palette without conversations, not without its actions', async () => {
  const { finder, ids } = finderUnderTest(() => async () => {
    throw new SwitchboardError('disconnected', 'gone')
  })
  finder.find('')
  await vi.runAllTimersAsync()
  expect(ids()).toEqual([])
})
