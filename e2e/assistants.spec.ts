import { expect, test, type Page } from '@playwright/test'
import { ConsolePage } from './support/console-page.ts'
import { command, startHost, type Host } from './support/host.ts'
import { filled } from './support/texts.ts'

let host: Host

test.beforeAll(async () => {
  host = await startHost()
})

test.afterAll(async () => {
  await host.program.stop()
})

const inspectorOf = (console: ConsolePage) =>
  console.page.getByRole('complementary', { name: console.text.inspector.title })

async function openConsole(page: Page): Promise<ConsolePage> {
  const console = new ConsolePage(page)
  await console.open(host.consoleUrl)
  return console
}

/** What a program gets for `model`, as the official endpoint answers it. */
async function complete(key: string, model: string): Promise<{ readonly status: number; readonly body: unknown }> {
  const response = await fetch(`${host.endpointUrl}/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model, messages: [{ role: 'user', content: 'Hello' }], seed: 1, temperature: 0 }),
  })
  return { status: response.status, body: await response.json() }
}

test('an assistant is tuned beside its reply and published; programs get that version until the next', async ({
  page,
}) => {
  const key = (await command(host.home, ['keys', 'create', 'shop'])).stdout.trim()
  expect((await command(host.home, ['assistants', 'create', 'Tea shop', '--model', 'demo', '--draft'])).code).toBe(0)
  expect((await complete(key, 'tea-shop')).status).toBe(404)

  const console = await openConsole(page)
  const picker = page.getByRole('button', { name: console.text.picker.label })
  await picker.click()
  await page.getByRole('option', { name: /Tea shop/ }).click()
  await expect(picker).toContainText('Tea shop')
  await console.ask('Hello')
  await page.getByRole('button', { name: console.text.chat.instructions }).click()
  const inspector = inspectorOf(console)
  const prompt = inspector.getByRole('textbox', { name: console.text.inspector.systemPrompt })
  await prompt.fill('You are the support assistant of Tea House. Items can be returned within 14 days.')
  await expect(console.replies.first()).toBeVisible()
  await inspector.getByRole('button', { name: console.text.inspector.useForCustomers }).click()
  await expect(inspector).toContainText(filled(console.text.inspector.published, { version: '1' }))
  const first = await complete(key, 'Tea shop')
  expect(first).toMatchObject({
    status: 200,
    body: { model: 'tea-shop', switchboard: { assistant: { name: 'Tea shop', version: 1 } } },
  })

  // Another edit makes a new version, which customers do not get yet.
  await prompt.fill('You are the support assistant of Coffee House. Items can be returned within 7 days.')
  await expect(inspector).toContainText(filled(console.text.inspector.olderPublished, { published: '1', version: '2' }))
  expect(await complete(key, 'tea-shop')).toMatchObject({ body: { switchboard: { assistant: { version: 1 } } } })
  await inspector.getByRole('button', { name: console.text.inspector.useForCustomers }).click()
  await expect(inspector).toContainText(filled(console.text.inspector.published, { version: '2' }))
  expect(await complete(key, 'tea-shop')).toMatchObject({ body: { switchboard: { assistant: { version: 2 } } } })
  expect(console.errors).toEqual([])
})

test('a conversation open in two windows is one transcript in both', async ({ browser }) => {
  const first = await openConsole(await (await browser.newContext()).newPage())
  const second = await openConsole(await (await browser.newContext()).newPage())
  await first.ask('Where is my order 4711234?')
  await second.list.getByRole('link', { name: /4711234/ }).click()
  await expect(second.questions).toHaveCount(1)
  await first.ask('And my order 4711235?')
  await expect(second.questions).toContainText(['4711234', '4711235'])
  await second.answered(1)
  await second.ask('Thank you')
  await expect(first.questions).toContainText(['4711234', '4711235', 'Thank you'])
  await first.answered(2)
  expect(await first.replies.allInnerTexts()).toEqual(await second.replies.allInnerTexts())
  for (const console of [first, second]) {
    expect(console.errors).toEqual([])
    await console.page.context().close()
  }
})

test('a conversation whose assistant is gone offers others, and goes on with one', async ({ page }) => {
  await command(host.home, ['assistants', 'create', 'Short lived', '--model', 'demo', '--draft'])
  const console = await openConsole(page)
  await page.getByRole('button', { name: console.text.picker.label }).click()
  await page.getByRole('option', { name: /Short lived/ }).click()
  await console.ask('Hello')
  await command(host.home, ['assistants', 'remove', 'Short lived'])
  await expect(page.getByRole('button', { name: console.text.picker.label })).toContainText(
    console.text.picker.assistantGone,
  )
  await page.getByRole('button', { name: console.text.picker.label }).click()
  await page.getByRole('option', { name: /Web shop/ }).click()
  await console.ask('Hello again')
  expect(console.errors).toEqual([])
})

test('a text that does not fit is kept whole and says so', async ({ page }) => {
  const console = await openConsole(page)
  const text = 'é'.repeat(200_100)
  await console.field.fill(text)
  await expect(page.getByText(console.text.chat.tooLongHelp)).toBeVisible()
  expect(await console.field.inputValue()).toHaveLength(text.length)
  await console.field.fill('Short')
  await expect(page.getByText(console.text.chat.tooLongHelp)).toBeHidden()
})
