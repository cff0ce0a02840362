import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@playwright/test'
import { ConsolePage } from './support/console-page.ts'
import { startHost, type Host } from './support/host.ts'
import { root } from './support/paths.ts'
import { filled } from './support/texts.ts'

/** Pictures of every page and state to look at; the README uses some. */
const folder = join(root, 'e2e', 'report', 'screenshots')

let host: Host

test.beforeAll(async () => {
  mkdirSync(folder, { recursive: true })
  host = await startHost()
})

test.afterAll(async () => {
  await host.program.stop()
})

const sizes = { wide: { width: 1280, height: 800 }, narrow: { width: 360, height: 740 } } as const

for (const language of ['en', 'zh-CN'] as const) {
  for (const [size, viewport] of Object.entries(sizes)) {
    test(`pages in ${language}, ${size}, light and dark`, async ({ browser }) => {
      const context = await browser.newContext({ locale: language, viewport, reducedMotion: 'reduce' })
      const console = new ConsolePage(await context.newPage(), language)
      const { page, text } = console
      const picture = async (name: string, shown = console): Promise<void> => {
        for (const theme of ['light', 'dark'] as const) {
          await shown.setTheme(theme)
          const overflow = 'document.documentElement.scrollWidth - document.documentElement.clientWidth'
          expect(await shown.page.evaluate<number>(overflow), `${name} scrolls sideways`).toBe(0)
          const path = join(folder, `${name}.${language}.${theme}.${size}.png`)
          await shown.page.screenshot({ path, animations: 'disabled' })
        }
      }

      await console.open(host.consoleUrl)
      await picture('start')
      await console.ask(language === 'en' ? text.welcome.en[1] : text.welcome.zh[1])
      await picture('conversation')
      const receipt = console.replies.first().getByRole('group', { name: text.receipt.label })
      await receipt.getByRole('button').first().click()
      await picture('receipt')
      await page.getByRole('button', { name: text.chat.instructions }).click()
      await expect(page.getByRole('textbox', { name: text.inspector.systemPrompt })).toBeVisible()
      await picture('inspector')
      await page.keyboard.press('Escape')
      await page.getByRole('button', { name: text.picker.label }).click()
      await expect(page.getByRole('listbox').first()).toBeVisible()
      await picture('picker')
      await page.keyboard.press('Escape')
      await page.keyboard.press('Control+K')
      await expect(page.getByRole('textbox', { name: text.palette.placeholder })).toBeVisible()
      await picture('palette')
      await page.keyboard.press('Escape')
      await console.status.getByRole('button').first().click()
      await picture('status')
      await page.keyboard.press('Escape')
      if (size === 'narrow') {
        await page.getByRole('button', { name: text.chat.showList }).click()
        await expect(page.getByRole('dialog', { name: text.chat.conversations })).toBeVisible()
        await picture('list')
        await page.keyboard.press('Escape')
      } else {
        await console.list.getByRole('textbox', { name: text.chat.search }).fill('zzzz')
        await expect(console.list).toContainText(text.chat.nothingFoundText)
        await picture('nothing-found')
        await console.list.getByRole('button', { name: text.chat.clearSearch }).click()
      }
      const pages = page.getByRole('navigation', { name: text.nav.label })
      await pages.getByRole('link', { name: text.nav.assistants }).click()
      await expect(page.getByRole('heading', { level: 1, name: text.assistants.title })).toBeVisible()
      await picture('assistants')
      await console.goToSettings()
      await expect(page.getByText(/SQLite/i).first()).toBeVisible()
      await picture('settings')
      const name = `till-${size}-${language}`
      await page.getByRole('textbox', { name: text.settings.keyName }).fill(name)
      await page.getByRole('button', { name: text.settings.keyCreate }).click()
      await expect(page.getByRole('dialog', { name: filled(text.settings.keyCreated, { name }) })).toBeVisible()
      await picture('key-created')
      await page.getByRole('button', { name: text.settings.keyDone }).click()
      for (const section of ['keys', 'appearance', 'engine', 'doctor'] as const) {
        await page
          .getByRole('heading', { level: 2, name: text.settings[section], exact: true })
          .scrollIntoViewIfNeeded()
        await picture(`settings-${section}`)
      }

      await page.goto(`${new URL(host.consoleUrl).origin}/console/#/nowhere`)
      await expect(page.getByText(text.app.notFoundTitle)).toBeVisible()
      await picture('not-found')
      const stranger = await browser.newContext({ locale: language, viewport, reducedMotion: 'reduce' })
      const withoutKey = new ConsolePage(await stranger.newPage(), language)
      await withoutKey.page.goto(new URL(host.consoleUrl).origin + '/console/')
      await expect(withoutKey.page.getByRole('heading', { name: text.connection.missingTitle })).toBeVisible()
      await picture('missing-key', withoutKey)
      await stranger.close()
      expect(console.errors).toEqual([])
      await context.close()
    })
  }
}

test('the window while the program is gone', async ({ page }) => {
  const own = await startHost()
  const console = new ConsolePage(page)
  await console.open(own.consoleUrl)
  await console.ask('Where is my order 4711234?')
  await own.program.stop('SIGKILL')
  await expect(page.getByText(console.text.connection.lostBanner)).toBeVisible()
  await page.screenshot({ path: join(folder, 'connection-lost.en.light.wide.png') })
})

test('the window while the engine may not use the CPU and has nothing else', async ({ page }) => {
  const own = await startHost()
  const console = new ConsolePage(page)
  await console.open(own.consoleUrl)
  await console.goToSettings()
  await page.getByRole('switch', { name: console.text.settings.allowCpu }).press('Space')
  await page.getByRole('button', { name: console.text.settings.apply }).click()
  const mend = page.getByRole('button', { name: console.text.banner.allowCpu, exact: true })
  await expect(mend).toBeVisible({ timeout: 90_000 })
  for (const [size, viewport] of Object.entries(sizes)) {
    await page.setViewportSize(viewport)
    await page.screenshot({ path: join(folder, `engine-down.en.light.${size}.png`) })
  }
  await mend.click()
  await expect(console.status).toContainText(console.text.status.ready, { timeout: 90_000 })
  await expect(mend).toBeHidden()
  await own.program.stop()
})
