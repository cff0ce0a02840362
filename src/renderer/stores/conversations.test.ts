import { expect, test, vi } from 'vitest'
import { fakeConversations } from '../../shared/contracts/console.fake-data.ts'
import { FakeConsole } from '../../shared/contracts/console.fake.ts'
import type { Conversation } from '../../shared/domain/conversation.ts'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import { createConversationsStore } from './conversations.ts'

async function listUnderTest() {
  const fake = new FakeConsole()
  const conversations = createConversationsStore(fake)
  await conversations.load()
  return { fake, conversations, titles: () => conversations.store.getState().list.value?.map(({ title }) => title) }
}

test('newest first; what was touched moves up and takes its title', async () => {
  const { conversations, titles } = await listUnderTest()
  const all = titles()
  expect(all?.length).toBe(5)
  conversations.touch({ id: 'c-spanish', title: 'Sevilla', updatedAt: Number.MAX_SAFE_INTEGER })
  expect(titles()?.[0]).toBe('Sevilla')
})

test('search looks into messages; clearing it brings all back', async () => {
  const { conversations, titles } = await listUnderTest()
  await conversations.search('4417223')
  expect(titles()).toEqual(['鞋子退货'])
  expect(conversations.store.getState().list.value?.[0]?.excerpt).toContain('4417223')
  await conversations.search('')
  expect(titles()?.length).toBe(5)
})

test('delete hides at once, Undo restores, and a refusal puts it back', async () => {
  const { fake, conversations, titles } = await listUnderTest()
  const removing = conversations.remove('c-order')
  expect(titles()).not.toContain('Parcel 20251103 not arrived')
  await removing
  await conversations.restore('c-order')
  expect(titles()?.[0]).toBe('Parcel 20251103 not arrived')
  await fake.conversations.remove({ id: 'c-chinese' })
  await expect(conversations.remove('c-chinese')).rejects.toThrow(SwitchboardError)
  expect(titles()).toContain('鞋子退货')
})

test('what is written in a deleted conversation does not bring it back; Undo and a refused deletion do', async () => {
  const { fake, conversations, titles } = await listUnderTest()
  const order = await fake.conversations.get({ id: 'c-order' })
  await conversations.remove('c-order')
  conversations.touch(order)
  expect(titles()).not.toContain(order.title)
  await conversations.restore('c-order')
  conversations.touch({ id: 'c-order', title: 'Found again', updatedAt: Number.MAX_SAFE_INTEGER })
  expect(titles()?.[0]).toBe('Found again')
  await fake.conversations.remove({ id: 'c-chinese' })
  await expect(conversations.remove('c-chinese')).rejects.toThrow(SwitchboardError)
  conversations.touch({ id: 'c-chinese', title: '鞋子' })
  expect(titles()).toContain('鞋子')
})

test('a list that was asked for before a deletion does not bring the conversation back', async () => {
  const { conversations, titles } = await listUnderTest()
  const loading = conversations.load()
  await Promise.all([conversations.remove('c-order'), loading])
  expect(titles()).not.toContain('Parcel 20251103 not arrived')
})

test('an answer that was overtaken by a newer search is dropped', async () => {
  const fake = new FakeConsole()
  const pending: (() => void)[] = []
  const list: FakeConsole['conversations']['list'] = async (...input) => {
    await new Promise<void>((resolve) => {
      pending.push(resolve)
    })
    return fake.conversations.list(...input)
  }
  const conversations = createConversationsStore({ ...fake, conversations: { ...fake.conversations, list } })
  const slow = conversations.search('zzzz')
  const fast = conversations.search('4417223')
  pending[1]?.()
  await fast
  pending[0]?.()
  await slow
  expect(conversations.store.getState().list.value?.map(({ id }) => id)).toEqual(['c-chinese'])
})

/** A list of this many conversations, newest first, named by their number. */
function manyUnderTest(count: number) {
  const [template] = fakeConversations(0)
  if (!template) throw new Error('no conversation to copy')
  const numbered = Array.from({ length: count }, (_, index): Conversation => ({
    ...template,
    id: `c-${String(index).padStart(4, '0')}`,
    title: `${index}`,
    updatedAt: 1_000_000 - Math.floor(index / 3),
  }))
  const fake = new FakeConsole({ conversations: numbered })
  const conversations = createConversationsStore(fake)
  const state = () => conversations.store.getState()
  return { fake, conversations, state, ids: () => state().list.value?.map(({ id }) => id) ?? [] }
}

test('the list goes on by pages to its end, each conversation once', async () => {
  const { conversations, state, ids } = manyUnderTest(150)
  await conversations.load()
  expect([ids().length, state().nextCursor === null]).toEqual([60, false])
  await Promise.all([conversations.loadMore(), conversations.loadMore()])
  expect(ids().length).toBe(120)
  await conversations.loadMore()
  await conversations.loadMore()
  expect([ids().length, new Set(ids()).size, state().nextCursor]).toEqual([150, 150, null])
})

test('a load after a reconnect brings back as many rows as were there', async () => {
  const { conversations, ids } = manyUnderTest(260)
  await conversations.load()
  for (let page = 0; page < 3; page += 1) await conversations.loadMore()
  await conversations.load()
  expect(ids().length).toBe(240)
})

test('what changed elsewhere is looked at again: moved, renamed far down, and deleted rows', async () => {
  const { fake, conversations, state, ids } = manyUnderTest(150)
  await conversations.load()
  await conversations.loadMore()
  const [moved, renamed, deleted] = ['c-0119', 'c-0100', 'c-0110']
  const before = await fake.conversations.get({ id: moved })
  fake.adopt({ ...before, updatedAt: 2_000_000 })
  await fake.conversations.update({ id: renamed, title: 'renamed' })
  await fake.conversations.remove({ id: deleted })
  await conversations.refresh([moved, renamed, deleted])
  expect([ids()[0], ids().includes(deleted), ids().length]).toEqual([moved, false, 119])
  expect(state().list.value?.find(({ id }) => id === renamed)?.title).toBe('renamed')
})

test('a composition shows in the field and searches once it ended', async () => {
  const fake = new FakeConsole()
  const list = vi.fn(fake.conversations.list)
  const conversations = createConversationsStore({ ...fake, conversations: { ...fake.conversations, list } })
  await conversations.search('ni', true)
  expect([conversations.store.getState().search, list.mock.calls.length]).toEqual(['ni', 0])
  await conversations.search('你')
  expect(list.mock.calls.map(([{ search }]) => search)).toEqual(['你'])
})

test('of two renames on their way the later one stands, and a refused one goes back to what is stored', async () => {
  const fake = new FakeConsole()
  const answers: ((refused: boolean) => void)[] = []
  const update: FakeConsole['conversations']['update'] = async (...input) => {
    const refused = await new Promise<boolean>((resolve) => {
      answers.push(resolve)
    })
    if (refused) throw new SwitchboardError('storage_full', 'no room')
    return fake.conversations.update(...input)
  }
  const conversations = createConversationsStore({ ...fake, conversations: { ...fake.conversations, update } })
  await conversations.load()
  const title = () => conversations.store.getState().list.value?.find(({ id }) => id === 'c-spanish')?.title
  const first = conversations.rename('c-spanish', 'First')
  const second = conversations.rename('c-spanish', 'Second')
  answers[0]?.(false)
  await first
  expect(title()).toBe('Second')
  answers[1]?.(true)
  await expect(second).rejects.toThrow(SwitchboardError)
  expect(title()).toBe('First')
})
