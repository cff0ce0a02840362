import { AxeBuilder } from '@axe-core/playwright'
import { expect, test } from '@playwright/test'
import { ConsolePage } from './support/console-page.ts'
import { startHost, type Host } from './support/host.ts'

let host: Host

test.beforeAll(async () => {
  host = await startHost()
})

test.afterAll(async () => {
  await host.program.stop()
})

test('everything of a day works by keyboard alone, with the focus in sight', async ({ page }) => {
  const console = new ConsolePage(page)
  await console.open(host.consoleUrl)
  await expect(console.field).toBeFocused()
  await page.keyboard.type('How long do I have to return the shoes?')
  await page.keyboard.press('Enter')
  await console.answered(0)

  // Round the whole page: every stop shows where it is and has a name.
  await page.reload()
  await console.answered(0)
  const stops: { readonly name: string; readonly visible: boolean }[] = []
  for (let step = 0; step < 60; step += 1) {
    await page.keyboard.press('Tab')
    const stop = await page.evaluate<{ name: string; visible: boolean } | null>(`(() => {
      const element = document.activeElement
      if (!element || element === document.body) return null
      const style = getComputedStyle(element)
      const ring = (other) => other.outlineStyle !== 'none' && parseFloat(other.outlineWidth) > 0
      const around = element.parentElement ? getComputedStyle(element.parentElement) : style
      const visible = ring(style) || style.boxShadow !== 'none' || ring(around) || around.boxShadow !== 'none' || style.borderColor !== around.borderColor
      return { name: element.getAttribute('aria-label') || element.innerText || element.getAttribute('placeholder') || element.tagName, visible }
    })()`)
    if (stop !== null) stops.push(stop)
  }
  const names = stops.map(({ name }) => name)
  for (const name of [
    console.text.app.skip,
    console.text.nav.settings,
    console.text.app.openPalette,
    console.text.chat.new,
    console.text.chat.search,
    console.text.chat.instructions,
    console.text.chat.message,
  ]) {
    expect(names).toContain(name)
  }
  expect(stops.filter(({ visible }) => !visible).map(({ name }) => name)).toEqual([])

  // The palette leads to the settings and back to the conversation.
  await console.palette(console.text.palette.settings)
  await expect(page.getByRole('heading', { level: 2, name: console.text.settings.endpoint })).toBeVisible()
  await console.palette('return the shoes')
  await expect(console.questions).toHaveCount(1)

  // Rename by F2, the inspector by the palette, closed by Escape.
  await console.list.getByRole('link').first().focus()
  await page.keyboard.press('F2')
  await expect(console.list.getByRole('textbox', { name: console.text.chat.renameLabel })).toBeFocused()
  await page.keyboard.type('Returns of shoes')
  await page.keyboard.press('Enter')
  await expect(console.list.getByRole('link').first()).toContainText('Returns of shoes')
  await console.palette(console.text.palette.drawer)
  const inspector = page.getByRole('complementary', { name: console.text.inspector.title })
  await expect(inspector).toBeVisible()
  await page.keyboard.press('Escape')
  await expect(inspector).toBeHidden()
  expect(console.errors).toEqual([])
})

test('a page that comes late does not take the keyboard from the palette', async ({ page }) => {
  const console = new ConsolePage(page)
  await console.open(host.consoleUrl)
  await console.goToSettings()
  await page.keyboard.press('Control+K')
  const search = page.getByRole('textbox', { name: console.text.palette.placeholder })
  await expect(search).toBeFocused()
  await page.evaluate('location.hash = "#/chat"')
  await expect(console.field).toBeAttached()
  await page.keyboard.type('settings')
  await expect(search).toHaveValue('settings')
  await expect(console.field).toHaveValue('')
})

test('on a Mac the tooltip names the key of a Mac', async ({ browser }) => {
  const context = await browser.newContext({
    locale: 'en-US',
    userAgent:
      'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36',
  })
  const console = new ConsolePage(await context.newPage())
  await console.open(host.consoleUrl)
  await console.goToSettings()
  await expect(console.page.getByRole('button', { name: console.text.app.openPalette })).toContainText('⌘ K')
  await context.close()
})

for (const theme of ['light', 'dark'] as const) {
  test(`axe finds nothing on any page, ${theme}`, async ({ page }) => {
    const console = new ConsolePage(page)
    await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' })
    await console.open(host.consoleUrl)
    const check = async (where: string): Promise<void> => {
      const { violations } = await new AxeBuilder({ page }).analyze()
      expect(
        violations.map(
          ({ id, nodes }) => `${where}: ${id} at ${nodes.map(({ target }) => target.join(' ')).join(', ')}`,
        ),
      ).toEqual([])
    }
    await check('start')
    await console.ask('Where is my order 4711234?')
    await check('conversation')
    await page.getByRole('button', { name: console.text.chat.instructions }).click()
    await expect(page.getByRole('textbox', { name: console.text.inspector.systemPrompt })).toBeVisible()
    await check('inspector')
    await page.keyboard.press('Escape')
    await page.keyboard.press('Control+K')
    await expect(page.getByRole('textbox', { name: console.text.palette.placeholder })).toBeVisible()
    await check('palette')
    await page.keyboard.press('Escape')
    await console.goToSettings()
    await expect(page.getByText(/SQLite/i).first()).toBeVisible()
    await check('settings')
  })
}
