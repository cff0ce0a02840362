// @vitest-environment happy-dom
import { expect, test } from 'vitest'
import type { PageUnderTest } from '../../../stores/testing/page.tsx'
import { renderChat } from '../testing/chat-under-test.tsx'

const shop = async (page: PageUnderTest) => (await page.fake.assistants.list()).find(({ id }) => id === 'web-shop')
const withInspector = async (path: string): Promise<PageUnderTest> => {
  const page = await renderChat({ path })
  await page.press('Instructions and parameters')
  await page.until(() => page.text().includes('System prompt'))
  return page
}
const leave = async (page: PageUnderTest, label: string): Promise<void> => {
  page.field(label).dispatchEvent(new FocusEvent('focusout', { bubbles: true }))
  await page.until(() => true)
}

test('a value that is not allowed keeps everything from being stored, and says so', async () => {
  const page = await withInspector('/chat/c-order')
  const before = await shop(page)
  await page.type('Temperature', '9')
  await page.type('System prompt', 'You sell tea.')
  await leave(page, 'System prompt')
  expect(page.text()).toContain('Not saved: a value is not allowed')
  expect(page.text()).toContain('From 0 to 2')
  expect((page.control('Use for customers') as HTMLButtonElement).disabled).toBe(true)
  expect((page.control('Regenerate with this') as HTMLButtonElement).disabled).toBe(true)
  expect(await shop(page)).toEqual(before)
  await page.type('Temperature', '0,7')
  await leave(page, 'Temperature')
  await page.until(() => page.text().includes('Saved'))
  expect(await shop(page)).toMatchObject({
    systemPrompt: 'You sell tea.',
    parameters: { temperature: 0.7, topP: 0.9, maxTokens: 256 },
  })
})

test('a value that customers do not get shows what they get, and the way back to it', async () => {
  const page = await withInspector('/chat/c-order')
  await page.until(() => page.text().includes('Customers get: 0.3'))
  await page.press('Back to 0.3')
  await page.until(async () => (await shop(page))?.parameters.temperature === 0.3)
  expect(page.text()).not.toContain('Customers get: 0.3')
})

test('customers get the version that is tried once it is published', async () => {
  const page = await withInspector('/chat/c-order')
  expect(page.text()).toContain('Customers get version 1. You are trying version 2.')
  await page.type('System prompt', 'You sell tea.')
  await page.press('Use for customers')
  await page.until(() => page.text().includes('Customers get version 2, the one you are trying'))
  expect(await shop(page)).toMatchObject({ publishedVersion: 2, systemPrompt: 'You sell tea.' })
  expect(page.text()).toContain('web-shop')
})

test('each version says what changed, and an earlier one can be taken back, which Undo undoes', async () => {
  const page = await withInspector('/chat/c-order')
  await page.until(() => page.text().includes('Temperature: 0.3 → 0.5'))
  await page.press('Take back version 1')
  await page.until(async () => (await shop(page))?.parameters.temperature === 0.3)
  await page.press('Undo')
  await page.until(async () => (await shop(page))?.parameters.temperature === 0.5)
})

test('the newest reply is written again with what stands in the fields', async () => {
  const page = await withInspector('/chat/c-chinese')
  const before = (await page.fake.conversations.get({ id: 'c-chinese' })).messages.length
  await page.type('Longest reply', '64')
  await page.press('Regenerate with this')
  await page.until(async () => (await page.fake.conversations.get({ id: 'c-chinese' })).messages.length > before)
  expect((await shop(page))?.parameters.maxTokens).toBe(64)
})

test('instructions of a conversation without an assistant are its own, and can become an assistant', async () => {
  const page = await renderChat({ path: '/chat/c-order' })
  await page.until(() => page.stores.chat.store.getState().entries['c-order']?.conversation)
  await page.stores.chat.update('c-order', { assistantId: null, model: null })
  await page.press('Instructions and parameters')
  await page.until(() => page.text().includes('For this conversation only.'))
  await page.type('System prompt', 'You sell tea.')
  await leave(page, 'System prompt')
  await page.until(async () => (await page.fake.conversations.get({ id: 'c-order' })).systemPrompt !== '')
  await page.type('Name of the assistant', 'Tea shop')
  await page.press('Save as assistant')
  await page.until(() => page.text().includes('“Tea shop” answers in this conversation from now on.'))
  const { assistantId } = await page.fake.conversations.get({ id: 'c-order' })
  const made = (await page.fake.assistants.list()).find(({ id }) => id === assistantId)
  expect(made).toMatchObject({ name: 'Tea shop', systemPrompt: 'You sell tea.' })
})

test('instructions of a new conversation create none; they go with its first message', async () => {
  const page = await renderChat()
  await page.until(() => document.querySelector('header')?.textContent?.includes('Web shop'))
  const rows = (await page.fake.conversations.list({})).items.length
  document.querySelector<HTMLElement>('header button[aria-haspopup]')?.click()
  await page.until(() => page.has('demoFP32 · 17 MB · loaded'))
  await page.press('demoFP32 · 17 MB · loaded')
  await page.press('Instructions and parameters')
  await page.until(() => page.text().includes('For this conversation only.'))
  await page.type('System prompt', 'You sell tea.')
  await leave(page, 'System prompt')
  expect((await page.fake.conversations.list({})).items).toHaveLength(rows)
  await page.type('Message', 'Which teas?')
  await page.key('Enter', {}, page.field('Message'))
  await page.until(() => page.path() !== '/chat')
  const id = page.path().replace('/chat/', '')
  await page.until(async () => (await page.fake.conversations.get({ id })).messages.length > 0)
  expect(await page.fake.conversations.get({ id })).toMatchObject({ assistantId: null, systemPrompt: 'You sell tea.' })
})

test('what was typed last is stored although the inspector is closed at once', async () => {
  const page = await withInspector('/chat/c-order')
  await page.type('System prompt', 'You sell tea.')
  await page.press('Close')
  await page.until(async () => (await shop(page))?.systemPrompt === 'You sell tea.')
})

test('what could not be stored is still in the fields when the inspector is opened again', async () => {
  const page = await withInspector('/chat/c-order')
  await page.type('Temperature', '9')
  await page.press('Close')
  await page.until(() => !page.text().includes('System prompt'))
  await page.press('Instructions and parameters')
  await page.until(() => page.text().includes('Not saved: a value is not allowed'))
  expect(page.field('Temperature').value).toBe('9')
})
