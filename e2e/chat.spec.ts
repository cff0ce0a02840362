import { expect, test } from '@playwright/test'
import { ConsolePage } from './support/console-page.ts'
import { interceptSocket } from './support/console-socket.ts'
import { startHost, type Host } from './support/host.ts'
import { longConversation, longQuestion, prepareHome } from './support/prepared-home.ts'
import { texts } from './support/texts.ts'

let host: Host

test.beforeAll(async () => {
  host = await startHost(await prepareHome([longConversation]))
})

test.afterAll(async () => {
  expect((await host.program.stop()).code).toBe(0)
})

test.describe.serial('a user asks the demo model', () => {
  test('the first page explains itself, and an example question is answered by the real model', async ({ page }) => {
    const console = new ConsolePage(page)
    await console.open(host.consoleUrl)
    await expect(page).not.toHaveURL(/key=/)
    await expect(page.getByRole('heading', { name: console.text.welcome.title })).toBeVisible()

    await page.getByRole('button', { name: console.text.welcome.en[1] }).click()
    const reply = await console.answered(0)
    await expect(console.questions).toContainText([console.text.welcome.en[1]])
    await expect(reply).toContainText(console.pieces.join('').trim())

    const receipt = reply.getByRole('group', { name: console.text.receipt.label })
    await receipt.getByRole('button').first().click()
    await expect(receipt).toContainText(/CPU|WebGPU|CUDA/)
    await expect(receipt).toContainText(console.text.receipt.fingerprint)
    expect(console.errors).toEqual([])
  })

  test('a regenerated answer becomes a second version', async ({ page }) => {
    const console = new ConsolePage(page)
    await console.open(host.consoleUrl)
    await console.ask('How long do I have to return the shoes?')
    await console.replies.first().getByRole('button', { name: console.text.chat.regenerate }).click()
    await expect(console.version(2, 2)).toBeVisible()
    await console.answered(0)
    await console.version(2, 2).getByRole('button', { name: console.text.chat.previousVersion }).click()
    await expect(console.version(1, 2)).toBeVisible()
  })

  test('an edited question starts a branch, and a reload restores everything', async ({ page }) => {
    const console = new ConsolePage(page)
    await console.open(host.consoleUrl)
    await console.ask('Where is my order 4711234?')
    await console.ask('And can I pay by invoice?')
    const question = console.questions.first()
    await question.hover()
    await question.getByRole('button', { name: console.text.chat.edit }).click()
    const edited = page.getByRole('textbox', { name: console.text.chat.editLabel })
    await edited.fill('Where is my order 4719999?')
    await page.getByRole('button', { name: console.text.chat.resend }).click()
    await expect(console.version(2, 2)).toBeVisible()
    const answer = await console.answered(0)
    await expect(console.questions).toHaveText([/^Where is my order 4719999\?/])

    await page.reload()
    await expect(console.questions).toHaveText([/^Where is my order 4719999\?/])
    await expect(answer).toBeVisible()
    await console.version(2, 2).getByRole('button', { name: console.text.chat.previousVersion }).click()
    await expect(console.questions).toHaveText([/^Where is my order 4711234\?/, /^And can I pay by invoice\?/])
    await expect(console.replies).toHaveCount(2)
    expect(console.errors).toEqual([])
  })

  test('a reply streams in pieces; Stop ends it and keeps the text so far', async ({ page }) => {
    const console = new ConsolePage(page)
    await console.open(host.consoleUrl)
    await console.list.getByRole('link', { name: longConversation.title }).click()
    await console.stopAt(40)
    await console.field.fill(longQuestion)
    await console.field.press('Enter')
    await expect(console.replies.first()).toContainText(console.text.chat.stopped)
    expect(console.pieces.length).toBeGreaterThan(1)
    const kept = await console.replies.first().innerText()
    await page.reload()
    await expect(console.replies.first()).toContainText(console.text.chat.stopped)
    expect(kept.length).toBeGreaterThan(console.text.chat.stopped.length)
  })

  test('search finds words inside messages; a deleted conversation comes back by Undo', async ({ page }) => {
    const console = new ConsolePage(page)
    await console.open(host.consoleUrl)
    const search = console.list.getByRole('textbox', { name: console.text.chat.search })
    await search.fill('invoice')
    await expect(console.list.getByRole('listitem')).toHaveCount(1)
    await search.fill('退款保证')
    await expect(console.list).toContainText(console.text.chat.nothingFoundText)
    await console.list.getByRole('button', { name: console.text.chat.clearSearch }).click()

    const rows = console.list.getByRole('listitem')
    await expect(rows).toHaveCount(4)
    const link = rows.first().getByRole('link')
    const title = (await link.textContent()) ?? ''
    await link.focus()
    await page.keyboard.press('Delete')
    await expect(rows).toHaveCount(3)
    await page.getByRole('button', { name: console.text.app.undo }).click()
    await expect(rows).toHaveCount(4)
    await expect(rows.first().getByRole('link')).toHaveText(title)
  })
})

test('a draft survives an example question, an edit survives leaving the page', async ({ page }) => {
  const console = new ConsolePage(page)
  await console.open(host.consoleUrl)
  await console.field.fill('half a sentence')
  await page.getByRole('button', { name: console.text.welcome.en[1], exact: true }).click()
  await console.answered(0)
  await console.newConversation()
  await expect(console.field).toHaveValue('half a sentence')

  const edited = page.getByRole('textbox', { name: console.text.chat.editLabel })
  const edit = async (): Promise<void> => {
    await console.list.getByRole('link').first().click()
    await console.questions.first().hover()
    await console.questions.first().getByRole('button', { name: console.text.chat.edit }).click()
  }
  await edit()
  await edited.fill('half an edit')
  await console.goToSettings()
  await page
    .getByRole('navigation', { name: console.text.nav.label })
    .getByRole('link', { name: console.text.nav.chat })
    .click()
  await edit()
  await expect(edited).toHaveValue('half an edit')
  await edited.press('Escape')
  await edit()
  await expect(edited).toHaveValue(console.text.welcome.en[1])
  expect(console.errors).toEqual([])
})

test('a reader who scrolled up while waiting for the reply stays there when it begins', async ({ page }) => {
  const console = new ConsolePage(page)
  const socket = await interceptSocket(page)
  await page.setViewportSize({ width: 1280, height: 420 })
  await console.open(host.consoleUrl)
  for (const question of [
    'Where is my order 4711234?',
    'Can I pay by invoice?',
    'How long do I have to return the shoes?',
  ])
    await console.ask(question)
  const messages = page.getByRole('region', { name: console.text.chat.messages })
  await console.field.fill('Tell me about delivery.')
  // The reply begins only after the scrolling.
  socket.hold()
  await console.field.press('Enter')
  await expect(console.replies).toHaveCount(4)
  await messages.hover()
  await page.mouse.wheel(0, -5000)
  await expect(page.getByRole('button', { name: console.text.chat.jump })).toBeVisible()
  socket.release()
  await console.answered(3)
  expect(await page.evaluate<number>(`document.querySelector('[role=region]').scrollTop`)).toBe(0)
})

test('the palette finds words inside messages, independent of the search in the list', async ({ page }) => {
  const console = new ConsolePage(page)
  await console.open(host.consoleUrl)
  await console.ask('Do you sell teapots with a spout for left-handed people?')
  await console.ask('And kettles?')
  await console.newConversation()
  await console.list.getByRole('textbox', { name: console.text.chat.search }).fill('zzzz')
  await expect(console.list).toContainText(console.text.chat.nothingFoundText)
  await page.keyboard.press('Control+K')
  await expect(page.getByRole('textbox', { name: console.text.palette.placeholder })).toBeFocused()
  await page.keyboard.type('kettles')
  await expect(page.locator('[data-action][data-selected]')).toHaveText(/teapots.*And kettles\?/)
  await page.keyboard.press('Enter')
  await expect(console.questions).toHaveText([/teapots/, /^And kettles\?/])
})

test.describe('in Chinese', () => {
  test.use({ locale: 'zh-CN' })

  test('the window and the answer are in Chinese', async ({ page }) => {
    const console = new ConsolePage(page, 'zh-CN')
    await console.open(host.consoleUrl)
    await expect(page.locator('html')).toHaveAttribute('lang', 'zh-CN')
    await expect(page.getByRole('link', { name: texts['zh-CN'].nav.settings })).toBeVisible()
    const reply = await console.ask(texts['zh-CN'].welcome.zh[1])
    await expect(reply).toContainText(/\p{Script=Han}{4,}/u)
    await expect(console.list.getByRole('listitem').first()).toContainText(/\p{Script=Han}/u)
    expect(console.errors).toEqual([])
  })
})
