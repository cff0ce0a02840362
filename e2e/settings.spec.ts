import { expect, test } from '@playwright/test'
import OpenAI from 'openai'
import { ConsolePage } from './support/console-page.ts'
import { startHost, type Host } from './support/host.ts'
import { filled } from './support/texts.ts'

let host: Host

test.beforeAll(async () => {
  host = await startHost()
})

test.afterAll(async () => {
  await host.program.stop()
})

test('a key made in the window opens the endpoint for the openai client, and closes it when revoked', async ({
  page,
}) => {
  const console = new ConsolePage(page)
  await console.open(host.consoleUrl)
  await console.goToSettings()
  await expect(page.getByText(host.endpointUrl).first()).toBeVisible()

  await page.getByRole('textbox', { name: console.text.settings.keyName }).fill('web-widget')
  await page.getByRole('button', { name: console.text.settings.keyCreate }).click()
  const shown = page.getByRole('dialog', { name: filled(console.text.settings.keyCreated, { name: 'web-widget' }) })
  const secret = await shown.getByRole('textbox', { name: console.text.settings.keySecret, exact: true }).inputValue()
  await shown.getByRole('button', { name: console.text.settings.keyDone }).click()
  await expect(shown).toBeHidden()
  expect(secret.length).toBeGreaterThan(20)
  await expect(page.locator('body')).not.toContainText(secret)

  const client = new OpenAI({ baseURL: host.endpointUrl, apiKey: secret, maxRetries: 0 })
  const pieces: string[] = []
  const stream = await client.chat.completions.create({
    model: 'demo',
    messages: [{ role: 'user', content: 'How long do I have to return the shoes?' }],
    stream: true,
    stream_options: { include_usage: true },
    temperature: 0,
  })
  let usage: OpenAI.CompletionUsage | null | undefined
  for await (const chunk of stream) {
    const text = chunk.choices[0]?.delta.content
    if (typeof text === 'string' && text !== '') pieces.push(text)
    usage = chunk.usage ?? usage
  }
  const whole = await client.chat.completions.create({
    model: 'demo',
    messages: [{ role: 'user', content: 'How long do I have to return the shoes?' }],
    temperature: 0,
  })
  // The first token goes ahead; the demo model writes the rest in the time of two or three messages.
  expect(pieces.length).toBeGreaterThan(1)
  expect(pieces.join('')).toBe(whole.choices[0]?.message.content)
  expect(usage?.total_tokens).toBe(whole.usage?.total_tokens)

  await page.getByRole('button', { name: filled(console.text.settings.keyRevokeName, { name: 'web-widget' }) }).click()
  await page.getByRole('dialog').getByRole('button', { name: console.text.settings.keyRevoke, exact: true }).click()
  await expect(page.getByText(console.text.settings.keyRevoked, { exact: true }).first()).toBeVisible()
  await expect(client.models.list()).rejects.toMatchObject({ status: 401 })
  expect(console.errors).toEqual([])
})

test('language and theme are kept for the next window', async ({ page, browser }) => {
  // A home of its own: the tests below read English, whichever of them runs first or again.
  const own = await startHost()
  const console = new ConsolePage(page)
  await console.open(own.consoleUrl)
  await console.palette(console.text.palette.languageZh)
  const chinese = new ConsolePage(page, 'zh-CN')
  await expect(chinese.field).toBeVisible()
  await chinese.palette(chinese.text.palette.themeDark)
  await expect(page.locator('html')).toHaveAttribute('data-mantine-color-scheme', 'dark')

  const context = await browser.newContext({ locale: 'en-US' })
  const next = new ConsolePage(await context.newPage(), 'zh-CN')
  await next.open(own.consoleUrl)
  await expect(next.page.locator('html')).toHaveAttribute('data-mantine-color-scheme', 'dark')
  await next.goToSettings()
  await context.close()
  expect(console.errors).toEqual([])
  await page.close()
  await own.program.stop()
})

test('an engine setting is kept, said to be pending, and in force after the engine restarted', async ({ page }) => {
  const console = new ConsolePage(page)
  await console.open(host.consoleUrl)
  await console.goToSettings()
  const slots = page.getByRole('textbox', { name: console.text.settings.slots, exact: true })
  await slots.fill('3')
  await slots.press('Tab')
  await page.getByRole('button', { name: console.text.settings.apply }).click()
  await expect(console.status).toContainText(console.text.status.ready, { timeout: 90_000 })
  await console.status.getByRole('button', { name: new RegExp(console.text.status.requestsTitle) }).click()
  await expect(page.getByText(filled(console.text.status.slotsFree, { free: 3, slots: 3 }))).toBeVisible({
    timeout: 90_000,
  })
  await page.keyboard.press('Escape')
  await page.reload()
  await expect(slots).toHaveValue('3')
})

test('the doctor looks at this computer', async ({ page }) => {
  const console = new ConsolePage(page)
  await console.open(host.consoleUrl)
  await console.goToSettings()
  await expect(page.getByText(/SQLite/i).first()).toBeVisible()
  await expect(page.getByText(host.home, { exact: true })).toBeVisible()
  await expect(page.getByText(console.text.settings.checkRuntimeName, { exact: true })).toBeVisible()
})
