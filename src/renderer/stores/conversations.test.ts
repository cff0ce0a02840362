import { expect, test } from 'vitest'
import { FakeConsole } from '../../shared/contracts/console.fake.ts'
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
  const conversations = createConversationsStore({
    app: fake.app,
    chat: fake.chat,
    presets: fake.presets,
    models: fake.models,
    keys: fake.keys,
    settings: fake.settings,
    conversations: { ...fake.conversations, list },
  })
  const slow = conversations.search('zzzz')
  const fast = conversations.search('4417223')
  pending[1]?.()
  await fast
  pending[0]?.()
  await slow
  expect(conversations.store.getState().list.value?.map(({ id }) => id)).toEqual(['c-chinese'])
})
