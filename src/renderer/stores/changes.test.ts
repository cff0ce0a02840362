import { expect, test, vi } from 'vitest'
import { FakeConsole } from '../../shared/contracts/console.fake.ts'
import { createStores, type Stores } from './stores.ts'

/** Every store over the fake console, and the calls that fetch. */
async function storesUnderTest() {
  const fake = new FakeConsole()
  const calls: string[] = []
  const counted = <Input extends readonly unknown[], Output>(name: string, call: (...input: Input) => Output) => {
    return (...input: Input): Output => {
      calls.push(name)
      return call(...input)
    }
  }
  const client = {
    ...fake,
    conversations: {
      ...fake.conversations,
      list: counted('list', fake.conversations.list),
      get: counted('get', fake.conversations.get),
    },
    assistants: { ...fake.assistants, list: counted('assistants', fake.assistants.list) },
    models: { ...fake.models, list: counted('models', fake.models.list) },
    keys: { ...fake.keys, list: counted('keys', fake.keys.list) },
    settings: { ...fake.settings, get: counted('settings', fake.settings.get) },
  }
  const stores: Stores = createStores({
    connection: { client, state: () => ({ kind: 'open' }), watch: () => () => undefined, retry: () => undefined },
    // After everything that is ready now, as a frame would.
    schedule: (run) => setTimeout(run, 0),
    storage: { getItem: () => null, setItem: () => undefined, removeItem: () => undefined },
  })
  stores.chat.open('c-order')
  await vi.waitUntil(() => stores.chat.store.getState().entries['c-order']?.conversation)
  await vi.waitUntil(() => stores.conversations.store.getState().list.kind === 'ready')
  calls.length = 0
  return { fake, stores, calls }
}

test.each([
  [{ kind: 'assistants' }, ['assistants']],
  [{ kind: 'models' }, ['models']],
  [{ kind: 'settings' }, ['settings']],
  // The keys were never loaded in this window.
  [{ kind: 'keys' }, []],
  [{ kind: 'conversations', id: 'c-order' }, ['get', 'list']],
  [{ kind: 'conversations', id: 'c-chinese' }, ['list']],
  [{ kind: 'everything' }, ['assistants', 'get', 'list', 'models', 'settings']],
] as const)('%j fetches %j', async (change, fetched) => {
  const { fake, calls } = await storesUnderTest()
  fake.announce(change)
  await vi.waitUntil(() => calls.length === fetched.length)
  expect(calls.toSorted()).toEqual(fetched)
  // The next change finds no more calls than these.
  calls.length = 0
  fake.announce({ kind: 'models' })
  await vi.waitUntil(() => calls.length > 0)
  expect(calls).toEqual(['models'])
})

test('a rename in another window shows in the list and in the open conversation', async () => {
  const { fake, stores } = await storesUnderTest()
  await fake.conversations.update({ id: 'c-order', title: 'Found' })
  await vi.waitUntil(() => stores.chat.store.getState().entries['c-order']?.conversation?.title === 'Found')
  await vi.waitUntil(() =>
    stores.conversations.store.getState().list.value?.some(({ id, title }) => id === 'c-order' && title === 'Found'),
  )
})

test('a burst of changes is collected while the first answers are on their way', async () => {
  const { fake, calls } = await storesUnderTest()
  for (let index = 0; index < 50; index += 1) fake.announce({ kind: 'models' })
  fake.announce({ kind: 'assistants' })
  await vi.waitUntil(() => calls.includes('assistants'))
  expect(calls.filter((name) => name === 'models').length).toBe(1)
})
