import { readFileSync } from 'node:fs'
import { EventEmitter } from 'node:events'
import type { Page, Request as PageRequest, Route } from '@playwright/test'
import type Electron from 'electron'
import { app } from './app.ts'
import { browserContext } from './chromium.ts'
import { ipcMain } from './ipc-main.ts'
import { preloadFrame } from './preload-frame.ts'
import { defaultSession } from './session.ts'

/**
 * Chromium does not know our scheme, so the page is shown under a secure localhost name; main still sees app:
 * addresses.
 */
const shown = (url: string): string =>
  url.replace(/^app:\/\//, 'http://').replace(/^(http:\/\/[a-z-]+)(\/|$)/, '$1.localhost$2')
const named = (url: string): string => url.replace(/^http:\/\/([a-z-]+)\.localhost(\/|$)/, 'app://$1$2')

type ContentsPart = Pick<Electron.WebContents, 'getURL' | 'isDestroyed' | 'reload' | 'forcefullyCrashRenderer'>

class StandInContents extends EventEmitter implements ContentsPart {
  readonly mainFrame = {}
  page: Promise<Page>
  #current: Page | null = null
  readonly #preload: string | null
  #destroyed = false
  #address = ''
  /**
   * Navigations started by main; all others come from the page and emit `will-navigate` and `will-frame-navigate`.
   */
  #ownNavigations = 0
  #openHandler: ((details: { readonly url: string }) => { readonly action: string }) | null = null
  #outbox: { readonly channel: string; readonly message: unknown }[] = []
  #sending = false

  constructor(preload: string | null) {
    super()
    this.#preload = preload
    this.page = this.#open()
  }

  setWindowOpenHandler(handler: (details: { readonly url: string }) => { readonly action: string }): void {
    this.#openHandler = handler
  }

  getURL(): string {
    return this.#current === null ? '' : named(this.#current.url())
  }

  isDestroyed(): boolean {
    return this.#destroyed
  }

  async load(url: string): Promise<void> {
    this.#address = url
    this.#ownNavigations += 1
    const page = await this.page
    await page.goto(shown(url))
    this.emit('did-finish-load')
  }

  reload(): void {
    // A crashed page cannot be used again; a new page replaces it, like a new renderer process in Electron.
    const crashed = this.#current
    this.page = this.#open()
    void this.load(this.#address).then(() => crashed?.close())
  }

  forcefullyCrashRenderer(): void {
    // The navigation never ends, because the process that would answer has crashed.
    void this.#current?.goto('chrome://crash').catch(() => undefined)
  }

  /** Sends messages in order, a batch at a time; a page that is being replaced loses them, as in Electron. */
  send(channel: string, message: unknown): void {
    this.#outbox.push({ channel, message })
    if (!this.#sending) void this.#flush()
  }

  async destroy(): Promise<void> {
    if (this.#destroyed) return
    this.#destroyed = true
    await (await this.page).close()
    this.emit('destroyed')
  }

  async #flush(): Promise<void> {
    this.#sending = true
    while (this.#outbox.length > 0) {
      const batch = this.#outbox
      this.#outbox = []
      const channel = batch[0]?.channel ?? ''
      const messages = batch.map(({ message }) => message)
      const page = await this.page
      await page
        .evaluate(`window.__standInEmit?.(${JSON.stringify(channel)}, ${JSON.stringify(messages)})`)
        .catch(() => undefined)
    }
    this.#sending = false
  }

  async #open(): Promise<Page> {
    await app.whenReady()
    const page = await browserContext().newPage()
    this.#current = page
    await page.exposeBinding('__standInSend', ({ frame }, channel: string, message: unknown) => {
      ipcMain.emit(
        channel,
        { sender: this, senderFrame: { url: named(frame.url()), parent: frame.parentFrame() } },
        message,
      )
    })
    if (this.#preload !== null) await page.addInitScript({ content: preloadFrame(readFileSync(this.#preload, 'utf8')) })
    await page.route('**/*', (route, request) => this.#route(page, route, request))
    page.on('popup', (popup) => {
      // The app must refuse every popup; the stand-in cannot open a second window.
      if (this.#openHandler?.({ url: popup.url() }).action !== 'deny')
        throw new Error('the stand-in opens no second windows')
      void popup.close()
    })
    page.on('crash', () => this.emit('render-process-gone', {}, { reason: 'crashed', exitCode: 1 }))
    return page
  }

  async #route(page: Page, route: Route, request: PageRequest): Promise<void> {
    const url = named(request.url())
    if (request.isNavigationRequest()) {
      const isMainFrame = request.frame() === page.mainFrame()
      // Requests have no fragment; a request for the same file is taken as a reload of the current address.
      const wanted = isMainFrame && request.url() === page.url().split('#')[0] ? this.getURL() : url
      if (isMainFrame && this.#ownNavigations > 0) this.#ownNavigations -= 1
      else if (
        (isMainFrame && this.#prevented('will-navigate', wanted, isMainFrame)) ||
        this.#prevented('will-frame-navigate', wanted, isMainFrame)
      )
        return await route.abort('aborted')
      this.emit('did-start-navigation', { isMainFrame, isSameDocument: false, url })
    }
    if (!(await defaultSession.allows(url))) return await route.abort('blockedbyclient')
    const handler = defaultSession.handlers.get(new URL(url).protocol.slice(0, -1))
    if (handler === undefined) return await route.abort('blockedbyclient')
    const response = await handler(new Request(url, { method: request.method() }))
    await route.fulfill({
      status: response.status,
      headers: Object.fromEntries(response.headers),
      body: Buffer.from(await response.arrayBuffer()),
    })
  }

  #prevented(event: string, url: string, isMainFrame: boolean): boolean {
    let prevented = false
    this.emit(
      event,
      {
        url,
        isMainFrame,
        isSameDocument: false,
        preventDefault: () => {
          prevented = true
        },
      },
      url,
    )
    return prevented
  }
}

type WindowPart = Pick<
  Electron.BrowserWindow,
  | 'show'
  | 'hide'
  | 'focus'
  | 'restore'
  | 'maximize'
  | 'isMinimized'
  | 'isMaximized'
  | 'isVisible'
  | 'isFocused'
  | 'isDestroyed'
  | 'getNormalBounds'
  | 'loadURL'
  | 'close'
>

export class BrowserWindow extends EventEmitter implements WindowPart {
  static readonly all = new Set<BrowserWindow>()
  static getAllWindows = (): readonly BrowserWindow[] => [...BrowserWindow.all]
  readonly webContents: StandInContents
  readonly options: Electron.BrowserWindowConstructorOptions
  #visible = false
  #focused = false
  #maximized = false
  #destroyed = false

  constructor(options: Electron.BrowserWindowConstructorOptions = {}) {
    super()
    this.options = options
    this.#visible = options.show !== false
    this.webContents = new StandInContents(options.webPreferences?.preload ?? null)
    BrowserWindow.all.add(this)
    app.emit('web-contents-created', {}, this.webContents)
  }

  async loadURL(url: string): Promise<void> {
    await this.webContents.load(url)
    this.emit('ready-to-show')
  }

  show(): void {
    this.#visible = true
  }

  hide(): void {
    this.#visible = false
    this.#focused = false
  }

  focus(): void {
    this.#focused = true
  }

  restore(): void {
    // Never minimised in the stand-in.
  }

  maximize(): void {
    this.#maximized = true
  }

  isMinimized(): boolean {
    return false
  }

  isMaximized(): boolean {
    return this.#maximized
  }

  isVisible(): boolean {
    return this.#visible
  }

  isFocused(): boolean {
    return this.#focused
  }

  isDestroyed(): boolean {
    return this.#destroyed
  }

  getNormalBounds(): Electron.Rectangle {
    const { x = 0, y = 0, width = 800, height = 600 } = this.options
    return { x, y, width, height }
  }

  close(): void {
    void this.closed()
  }

  /** Closes unless a listener refuses; resolves to whether it closed. */
  async closed(): Promise<boolean> {
    if (this.#destroyed) return true
    let refused = false
    this.emit('close', {
      preventDefault: () => {
        refused = true
      },
    })
    if (refused) return false
    this.#destroyed = true
    BrowserWindow.all.delete(this)
    await this.webContents.destroy()
    this.emit('closed')
    if (BrowserWindow.all.size === 0) app.emit('window-all-closed')
    return true
  }
}

app.closeWindows = async () => {
  const closed = await Promise.all([...BrowserWindow.all].map((window) => window.closed()))
  return closed.every(Boolean)
}
