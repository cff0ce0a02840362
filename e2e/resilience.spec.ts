import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, test } from '@playwright/test'
import { ConsolePage } from './support/console-page.ts'
import { interceptSocket } from './support/console-socket.ts'
import { descendants, enginePid, startHost, type Host } from './support/host.ts'
import { longConversation, longQuestion, prepareHome } from './support/prepared-home.ts'
import { filled } from './support/texts.ts'

test('a killed engine is shown, restarted, and answers again', async ({ page }) => {
  const host = await startHost()
  const console = new ConsolePage(page)
  await console.open(host.consoleUrl)
  await console.ask('Where is my order 4711234?')
  const first = enginePid(host.program.pid)
  process.kill(first, 'SIGKILL')
  await expect(console.status).not.toContainText(console.text.status.ready)
  await expect(console.status).toContainText(console.text.status.ready, { timeout: 90_000 })
  await console.ask('Can I pay by invoice?')
  expect(enginePid(host.program.pid)).not.toBe(first)
  await expect(console.replies).toHaveCount(2)
  await host.program.stop()
})

test('the environment of the engine holds no secret of the shell that started the app', async () => {
  const host = await startHost()
  await expect.poll(() => descendants(host.program.pid).length).toBeGreaterThan(0)
  const environment = readFileSync(`/proc/${enginePid(host.program.pid)}/environ`, 'utf8')
  expect(environment).not.toContain('sk-must-not-spread')
  expect(environment).not.toMatch(/API_KEY|SWITCHBOARD_HOME/)
  await host.program.stop()
})

test('after a kill during a reply the next start has every shown word and marks the reply as interrupted', async ({
  page,
  browser,
}) => {
  const host = await startHost(await prepareHome([longConversation]))
  const console = new ConsolePage(page)
  const socket = await interceptSocket(page)
  await console.open(host.consoleUrl)
  await console.ask('Where is my order 4711234?')
  const complete = await console.replies.first().locator('p').first().innerText()
  await console.list.getByRole('link', { name: longConversation.title }).click()
  const children = descendants(host.program.pid)
  // Text is stored before it is sent.
  let received = ''
  socket.onDelta = (text) => {
    received += text
    if (received.length > 40) host.program.child.kill('SIGKILL')
  }
  await console.field.fill(longQuestion)
  await console.field.press('Enter')
  expect((await host.program.ended).signal).toBe('SIGKILL')
  for (const pid of children) await expect.poll(() => isAlive(pid)).toBe(false)

  const again = await startHost(host.home)
  const context = await browser.newContext({ locale: 'en-US', reducedMotion: 'reduce' })
  const next = new ConsolePage(await context.newPage())
  await next.open(again.consoleUrl)
  await next.list.getByRole('link', { name: longConversation.title }).click()
  await expect(next.questions).toContainText([longQuestion])
  await expect(next.replies.first()).toContainText(next.text.chat.interrupted)
  await next.list.getByRole('link', { name: /4711234/ }).click()
  await expect(next.replies.first()).toContainText(complete)
  await context.close()
  await again.program.stop()
  const database = new DatabaseSync(join(host.home, 'switchboard.db'), { readOnly: true })
  const row = database.prepare("SELECT content FROM messages WHERE state = 'interrupted'").get()
  database.close()
  expect(String(row?.['content']).startsWith(received)).toBe(true)
})

test('an action that fails while the program is gone says so', async ({ page }) => {
  const host = await startHost()
  const console = new ConsolePage(page)
  await console.open(host.consoleUrl)
  await console.ask('Where is my order 4711234?')
  await host.program.stop('SIGKILL')
  await expect(page.getByText(console.text.connection.lostBanner)).toBeVisible()
  const said = (text: string) =>
    page
      .getByRole('alert')
      .filter({ hasText: filled(text, { reason: console.text.errors.disconnected }) })
      .first()

  const link = console.list.getByRole('link').first()
  const title = (await link.locator('span').nth(1).textContent()) ?? ''
  await link.focus()
  await page.keyboard.press('F2')
  await page.keyboard.type('Another title')
  await page.keyboard.press('Enter')
  await expect(said(console.text.chat.renameFailed)).toBeVisible()
  await expect(link).toContainText(title)
  await link.focus()
  await page.keyboard.press('Delete')
  await expect(said(console.text.chat.deleteFailed)).toBeVisible()
  await expect(link).toContainText(title)
})

test('a missing or wrong key is refused, and the page asks for the right one', async ({ page }) => {
  const host = await startHost()
  const console = new ConsolePage(page)
  const address = `${new URL(host.consoleUrl).origin}/console/`
  const open = async (text: string): Promise<void> => {
    await page.getByRole('textbox', { name: console.text.connection.keyLabel }).fill(text)
    await page.getByRole('button', { name: console.text.connection.keyOpen }).click()
  }
  await page.goto(address)
  await expect(page.getByRole('heading', { name: console.text.connection.missingTitle })).toBeVisible()
  await open(address)
  await expect(page.getByRole('heading', { name: console.text.connection.refusedTitle })).toBeVisible()
  await page.goto(`${address}#key=wrong`)
  await page.reload()
  await expect(page.getByRole('heading', { name: console.text.connection.refusedTitle })).toBeVisible()
  await open(host.consoleUrl)
  await expect(console.field).toBeVisible()
  await host.program.stop()
})

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

async function withHost<Value>(work: (host: Host) => Promise<Value>): Promise<Value> {
  const host = await startHost()
  try {
    return await work(host)
  } finally {
    await host.program.stop()
  }
}

test('SIGTERM during an answer exits cleanly and leaves no process', async ({ page }) => {
  await withHost(async (host) => {
    const console = new ConsolePage(page)
    await console.open(host.consoleUrl)
    await console.field.fill('Tell me about delivery.')
    await console.field.press('Enter')
    await expect(console.questions).toHaveCount(1)
    const started = descendants(host.program.pid)
    const { code } = await host.program.stop('SIGTERM')
    expect(code).toBe(0)
    expect(started.length).toBeGreaterThan(0)
    expect(started.filter(isAlive)).toEqual([])
  })
})
