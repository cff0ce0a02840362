import { expect, type Locator, type Page } from '@playwright/test'
import { deltaText } from './console-socket.ts'
import { filled, texts, type Language } from './texts.ts'

/** The console as a user sees it, in one language. */
export class ConsolePage {
  readonly page: Page
  readonly language: Language
  readonly text: (typeof texts)[Language]
  /** Uncaught errors and console errors. */
  readonly errors: string[] = []
  /** Addresses of all network requests. */
  readonly requests: string[] = []
  readonly dialogs: string[] = []
  /** Reply deltas in the order they arrived on the WebSocket. */
  readonly pieces: string[] = []

  constructor(page: Page, language: Language = 'en') {
    this.page = page
    this.language = language
    this.text = texts[language]
    page.on('pageerror', (error) => this.errors.push(error.message))
    page.on('console', (message) => {
      // Playwright itself writes a style element before a screenshot.
      if (message.type() === 'error' && !message.text().includes('Applying inline style violates'))
        this.errors.push(message.text())
    })
    page.on('websocket', (socket) =>
      socket.on('framereceived', ({ payload }) => {
        const text = deltaText(payload)
        if (text !== null) this.pieces.push(text)
      }),
    )
    page.on('request', (request) => this.requests.push(request.url()))
    page.on('dialog', (dialog) => {
      this.dialogs.push(dialog.message())
      void dialog.dismiss()
    })
  }

  get field(): Locator {
    return this.page.getByRole('textbox', { name: this.text.chat.message, exact: true })
  }

  get questions(): Locator {
    return this.page.getByRole('article', { name: this.text.chat.you, exact: true })
  }

  get replies(): Locator {
    return this.page.getByRole('article', { name: this.text.chat.assistant, exact: true })
  }

  get list(): Locator {
    return this.page.getByRole('complementary', { name: this.text.chat.conversations })
  }

  get status(): Locator {
    return this.page.getByRole('contentinfo', { name: this.text.status.label })
  }

  async open(url: string): Promise<void> {
    await this.page.goto(url)
    await expect(this.status).toContainText(this.text.status.ready, { timeout: 60_000 })
  }

  /** Sends a message by keyboard and waits for the complete reply. */
  async ask(question: string): Promise<Locator> {
    const before = await this.replies.count()
    await this.field.fill(question)
    await this.field.press('Enter')
    return await this.answered(before)
  }

  /** Waits until reply `index`, counted from 0, is complete. */
  async answered(index: number): Promise<Locator> {
    const reply = this.replies.nth(index)
    await expect(reply).toHaveAttribute('aria-busy', 'false', { timeout: 60_000 })
    await expect(reply.getByRole('group', { name: this.text.receipt.label })).toBeVisible()
    return reply
  }

  /** Scrolls up until all replies of a conversation are drawn: its end is drawn first. */
  async scrollToFirst(replies: number): Promise<void> {
    await expect(async () => {
      await this.replies.first().scrollIntoViewIfNeeded()
      expect(await this.replies.count()).toBe(replies)
    }).toPass()
  }

  /** Switches the color scheme of the system, which the console follows. */
  async setTheme(theme: 'light' | 'dark'): Promise<void> {
    await this.page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' })
    await expect(this.page.locator('html')).toHaveAttribute('data-mantine-color-scheme', theme)
  }

  /**
   * Presses Stop as soon as the reply being written is this long. The press comes from inside the page, because a busy
   * machine may let the test process wait until the reply has ended.
   */
  async stopAt(characters: number): Promise<void> {
    await this.page.evaluate(`new MutationObserver((_, observer) => {
      const reply = document.querySelector('article[aria-busy=true]')
      const stop = document.querySelector('button[aria-label=${JSON.stringify(this.text.chat.stop)}]')
      if ((reply?.textContent.length ?? 0) < ${characters} || stop === null) return
      observer.disconnect()
      stop.click()
    }).observe(document.body, { subtree: true, childList: true, characterData: true })`)
  }

  async goToSettings(): Promise<void> {
    await this.page
      .getByRole('navigation', { name: this.text.nav.label })
      .getByRole('link', { name: this.text.nav.settings })
      .click()
    await expect(this.page.getByRole('heading', { level: 2, name: this.text.settings.endpoint })).toBeVisible()
  }

  async newConversation(): Promise<void> {
    await this.list.getByRole('button', { name: this.text.chat.new }).click()
    await expect(this.field).toBeFocused()
  }

  /** Ctrl+K, a query, and Enter once the first hit is shown. */
  async palette(query: string): Promise<void> {
    await this.page.keyboard.press('Control+K')
    const search = this.page.getByRole('textbox', { name: this.text.palette.placeholder })
    await expect(search).toBeFocused()
    await this.page.keyboard.type(query)
    await expect(this.page.locator('[data-action]').filter({ hasText: query }).first()).toBeVisible()
    await this.page.keyboard.press('Enter')
    // Not found by its label, since the action may have changed the language.
    await expect(this.page.locator('[data-action]')).toHaveCount(0)
  }

  version(index: number, count: number): Locator {
    return this.page.getByRole('group', { name: filled(this.text.chat.version, { index, count }) })
  }
}
