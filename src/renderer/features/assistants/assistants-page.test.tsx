// @vitest-environment happy-dom
import { Route, Routes } from 'react-router'
import { expect, test } from 'vitest'
import { FakeConsole } from '../../../shared/contracts/console.fake.ts'
import { renderPage } from '../../stores/testing/page.tsx'
import { AssistantsPage } from './assistants-page.tsx'

async function assistantsUnderTest(path = '/assistants', fake = new FakeConsole()) {
  const page = await renderPage(
    <Routes>
      <Route path="/assistants" element={<AssistantsPage />} />
      <Route path="/assistants/:id" element={<AssistantsPage />} />
      <Route path="*" element={null} />
    </Routes>,
    { fake, path },
  )
  await page.until(() => page.stores.assistants.store.getState().kind === 'ready')
  const stored = async (id: string) => (await fake.assistants.list()).find((assistant) => assistant.id === id)
  return { page, fake, stored }
}

test('each assistant says what customers get and what people try', async () => {
  const { page } = await assistantsUnderTest()
  await page.until(() => page.text().includes('Customers get v1 · you try v2'))
  expect(page.text()).toContain('Draft v1 · not for customers yet')
})

test('publishing gives customers the latest version and says so', async () => {
  const { page, stored } = await assistantsUnderTest()
  await page.until(() => page.has('Use v2 for customers: Web shop'))
  await page.press('Use v2 for customers: Web shop')
  await page.until(() => page.text().includes('Customers get “Web shop” v2 from now on.'))
  expect((await stored('web-shop'))?.publishedVersion).toBe(2)
  expect(page.has('Use v2 for customers: Web shop')).toBe(false)
})

test('the first publishing can be undone', async () => {
  const { page, stored } = await assistantsUnderTest()
  await page.until(() => page.has('Use v1 for customers: 退货 Returns'))
  await page.press('Use v1 for customers: 退货 Returns')
  await page.until(() => page.has('Undo'))
  await page.press('Undo')
  await page.until(() => page.has('Use v1 for customers: 退货 Returns'))
  expect((await stored('returns'))?.publishedVersion).toBeNull()
})

test('the details show what a version changed, and the way back to it', async () => {
  const { page, stored } = await assistantsUnderTest('/assistants/web-shop')
  await page.until(() => page.text().includes('Temperature: 0.3 → 0.5'))
  expect(page.text()).toContain('First version')
  await page.press('Take back v1')
  await page.until(() => page.text().includes('You try the values of v1 again.'))
  expect((await stored('web-shop'))?.parameters.temperature).toBe(0.3)
  await page.press('Undo')
  await page.until(() => page.text().includes('Temperature: 0.3 → 0.5'))
  expect((await stored('web-shop'))?.parameters.temperature).toBe(0.5)
})

test('an edit is saved when the field is left, as a new version where the latest was published', async () => {
  const fake = new FakeConsole()
  await fake.assistants.publish({ id: 'web-shop' })
  const { page, stored } = await assistantsUnderTest('/assistants/web-shop', fake)
  await page.until(() => page.text().includes('System prompt'))
  await page.type('System prompt', 'You sell tea.')
  page.field('System prompt').dispatchEvent(new FocusEvent('focusout', { bubbles: true }))
  await page.until(() => page.text().includes('Saved'))
  expect(await stored('web-shop')).toMatchObject({ systemPrompt: 'You sell tea.', version: 3, publishedVersion: 2 })
  await page.until(() => page.text().includes('System prompt: 1 lines added, 1 removed'))
})

test('a name that another assistant has is refused in the field', async () => {
  const { page, stored } = await assistantsUnderTest('/assistants/returns')
  await page.until(() => page.text().includes('Programs call it as model'))
  await page.type('Name', 'WEB  SHOP')
  page.field('Name').dispatchEvent(new FocusEvent('focusout', { bubbles: true }))
  await page.until(() => page.text().includes('This name is taken'))
  expect((await stored('returns'))?.name).toBe('退货 Returns')
})

test('a removed assistant comes back by Undo', async () => {
  const { page, stored } = await assistantsUnderTest('/assistants/returns')
  await page.until(() => page.has('Actions for “退货 Returns”'))
  await page.press('Actions for “退货 Returns”')
  await page.press('Remove')
  await page.until(() => page.text().includes('Removed “退货 Returns”'))
  expect([page.path(), await stored('returns')]).toEqual(['/assistants', undefined])
  await page.press('Undo')
  await page.until(() => page.has('Actions for “退货 Returns”'))
})

test('a copy gets a name of its own and is opened', async () => {
  const fake = new FakeConsole()
  await fake.assistants.create({ name: 'Web shop copy', model: null, systemPrompt: '', parameters: {} })
  const { page } = await assistantsUnderTest('/assistants', fake)
  await page.until(() => page.has('Actions for “Web shop”'))
  await page.press('Actions for “Web shop”')
  await page.press('Duplicate')
  await page.until(() => page.text().includes('Web shop copy 2'))
  expect(page.path()).toMatch(/^\/assistants\/a-new-/)
})

test('a model that is gone is said at the assistant and at its field', async () => {
  const fake = new FakeConsole({ models: [] })
  const { page } = await assistantsUnderTest('/assistants/returns', fake)
  await page.until(() => page.text().includes('The model demo is gone. This assistant cannot answer'))
  expect(page.text()).toContain('demo (gone)')
})

test('a new assistant is created by name and opened', async () => {
  const { page, stored } = await assistantsUnderTest()
  await page.press('New assistant')
  await page.type('Name', 'Tea Shop')
  expect(page.text()).toContain('Programs call it as model: tea-shop')
  await page.press('Create')
  await page.until(() => page.path() !== '/assistants')
  expect(await stored(page.path().replace('/assistants/', ''))).toMatchObject({ name: 'Tea Shop', version: 1 })
})

test('without assistants the page says what they are for and offers the first step', async () => {
  const fake = new FakeConsole()
  for (const { id } of await fake.assistants.list()) await fake.assistants.remove({ id })
  const { page } = await assistantsUnderTest('/assistants', fake)
  await page.until(() => page.text().includes('No assistants yet'))
  expect(page.has('New assistant')).toBe(true)
})

test('a list that cannot be loaded says why and is tried again', async () => {
  const fake = new FakeConsole()
  let broken = true
  const page = await renderPage(<AssistantsPage />, {
    fake,
    client: {
      ...fake,
      assistants: {
        ...fake.assistants,
        list: async () => {
          if (broken) throw new Error('the socket closed')
          return await fake.assistants.list()
        },
      },
    },
  })
  await page.until(() => page.text().includes('The assistants could not be loaded.'))
  broken = false
  await page.press('Retry')
  await page.until(() => page.text().includes('Web shop'))
})
