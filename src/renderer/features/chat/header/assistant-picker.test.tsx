// @vitest-environment happy-dom
import { expect, test } from 'vitest'
import { FakeConsole } from '../../../../shared/contracts/console.fake.ts'
import type { PageUnderTest } from '../../../stores/testing/page.tsx'
import { exchange, renderChat } from '../testing/chat-under-test.tsx'

const picker = 'Search assistants and models'
const header = (page: PageUnderTest): HTMLElement => {
  const button = document.querySelector<HTMLElement>('header button[aria-haspopup]')
  if (!button) throw new Error(`there is no picker:\n${page.text()}`)
  return button
}

test('the header names the assistant and its model; another one is chosen by keyboard', async () => {
  const page = await renderChat({ path: '/chat/c-order' })
  await page.until(() => header(page).textContent?.includes('Web shopdemo · FP32'))
  header(page).click()
  await page.until(() => document.activeElement?.getAttribute('aria-label') === picker)
  await page.type(picker, 'return')
  await page.key('Enter', { code: 'Enter' })
  await page.until(() => header(page).textContent?.includes('退货 Returns'))
  expect(await page.fake.conversations.get({ id: 'c-order' })).toMatchObject({ assistantId: 'returns', model: null })
})

test('a row says what the model is, how large, and whether it is loaded; a model answers without an assistant too', async () => {
  const page = await renderChat({ path: '/chat/c-order' })
  await page.until(() => header(page).textContent?.includes('Web shop'))
  header(page).click()
  await page.until(() => page.has('tea-7bINT8 · 14.8 GB · can be loaded'))
  expect(page.has('Web shopdemo · FP32 · 17 MB · loadedAlt 2')).toBe(true)
  await page.press('tea-7bINT8 · 14.8 GB · can be loaded')
  expect(header(page).textContent).toContain('No assistanttea-7b · INT8')
  expect(await page.fake.conversations.get({ id: 'c-order' })).toMatchObject({ assistantId: null, model: 'tea-7b' })
})

test('Alt and a digit choose the assistant of that row', async () => {
  const page = await renderChat({ path: '/chat/c-order' })
  await page.until(() => header(page).textContent?.includes('Web shop'))
  await page.key('™', { altKey: true, code: 'Digit3' })
  await page.until(() => page.text().includes('退货 Returns answers from the next message on.'))
  expect((await page.fake.conversations.get({ id: 'c-order' })).assistantId).toBe('returns')
})

test('a choice for a new conversation creates none before the first message', async () => {
  const page = await renderChat()
  await page.until(() => header(page).textContent?.includes('Web shop'))
  const rows = (await page.fake.conversations.list({})).items.length
  await page.key('3', { altKey: true, code: 'Digit3' })
  await page.until(() => header(page).textContent?.includes('退货 Returns'))
  expect((await page.fake.conversations.list({})).items).toHaveLength(rows)
  await page.type('Message', 'Can I send it back?')
  await page.key('Enter', {}, page.field('Message'))
  await page.until(() => page.path() !== '/chat')
  const { items } = await page.fake.conversations.list({})
  expect(items).toHaveLength(rows + 1)
  expect(items[0]?.assistantId).toBe('returns')
})

test('a conversation whose assistant is gone says so and offers another one', async () => {
  const page = await renderChat({ path: '/chat/c-order' })
  await page.until(() => header(page).textContent?.includes('Web shop'))
  await page.fake.assistants.remove({ id: 'web-shop' })
  await page.until(() => page.text().includes('The assistant of this conversation was removed.'))
  await page.press('Choose another')
  await page.until(() => page.has('demoFP32 · 17 MB · loaded'))
  await page.press('demoFP32 · 17 MB · loaded')
  await page.until(() => !page.text().includes('The assistant of this conversation was removed.'))
})

test('a reply that failed because its model is gone offers another one beside Retry', async () => {
  const error = { code: 'model_not_found', message: 'There is no model tea-13b.' } as const
  const conversation = { ...exchange({ state: { kind: 'interrupted', error } }), assistantId: null, model: 'tea-13b' }
  const page = await renderChat({ fake: new FakeConsole({ conversations: [conversation] }), path: '/chat/c-one' })
  await page.until(() => page.text().includes('The model tea-13b is not there.'))
  const actions = [...document.querySelectorAll('article button')].map((button) => button.textContent)
  expect(actions).toEqual(expect.arrayContaining(['Choose another', 'Retry']))
})
