import { performance } from 'node:perf_hooks'
import { BrowserWindow, dialog, screen } from 'electron'
import { openConsoleDoor, type DoorPipe } from './console-door.ts'
import type { DesktopTexts } from './desktop-texts.ts'
import { pageOrigin } from './page-file.ts'
import { afterCrash } from './reload-budget.ts'
import { loadWindowPlace, saveWindowPlace, visiblePlace } from './window-place.ts'

export interface MainWindowOptions {
  readonly preload: string
  readonly icon: string
  /** File that stores the window's bounds. */
  readonly placeFile: string
  readonly texts: () => DesktopTexts
  readonly attach: (pipe: DoorPipe) => void
  /** True once the app quits; until then closing the window only hides it. */
  readonly quitting: () => boolean
}

/** The only window. Closing it hides it, because the endpoint keeps running; a message box says so the first time. */
export class MainWindow {
  readonly #options: MainWindowOptions
  readonly #window: BrowserWindow
  #crashes: readonly number[] = []
  #trayExplained: boolean

  constructor(options: MainWindowOptions) {
    this.#options = options
    const place = visiblePlace(
      loadWindowPlace(options.placeFile),
      screen.getAllDisplays().map((display) => display.workArea),
    )
    this.#trayExplained = place.trayExplained
    this.#window = new BrowserWindow({
      ...(place.x === undefined || place.y === undefined ? {} : { x: place.x, y: place.y }),
      width: place.width,
      height: place.height,
      minWidth: 360,
      minHeight: 400,
      show: false,
      title: 'Switchboard',
      icon: options.icon,
      autoHideMenuBar: true,
      webPreferences: {
        preload: options.preload,
        sandbox: true,
        contextIsolation: true,
        nodeIntegration: false,
        nodeIntegrationInSubFrames: false,
        nodeIntegrationInWorker: false,
        webSecurity: true,
        allowRunningInsecureContent: false,
        webviewTag: false,
        navigateOnDragDrop: false,
        // Chromium would download dictionaries.
        spellcheck: false,
      },
    })
    if (place.maximized) this.#window.maximize()
    openConsoleDoor(this.#window.webContents, options.attach)
    this.#window.once('ready-to-show', () => this.show())
    this.#window.on('close', (event) => this.#close(event))
    this.#window.webContents.on('render-process-gone', (_event, details) => {
      if (details.reason !== 'clean-exit') this.#recover()
    })
    // A hung page cannot be reloaded; crashing it triggers the recovery above.
    this.#window.webContents.on('unresponsive', () => this.#window.webContents.forcefullyCrashRenderer())
  }

  async load(): Promise<void> {
    await this.#window.loadURL(pageOrigin.start)
  }

  /** Brings the window to the front, from the tray or from behind others. */
  show(): void {
    if (this.#window.isMinimized()) this.#window.restore()
    this.#window.show()
    this.#window.focus()
  }

  savePlace(): void {
    const maximized = this.#window.isMaximized()
    saveWindowPlace(this.#options.placeFile, {
      ...this.#window.getNormalBounds(),
      maximized,
      trayExplained: this.#trayExplained,
    })
  }

  #close(event: { preventDefault(): void }): void {
    if (this.#options.quitting()) return
    event.preventDefault()
    this.#window.hide()
    const explain = !this.#trayExplained
    this.#trayExplained = true
    this.savePlace()
    if (explain) {
      const texts = this.#options.texts()
      void dialog.showMessageBox({
        type: 'info',
        title: texts.staysInTray,
        message: texts.staysInTray,
        detail: texts.staysInTrayDetail,
        buttons: [texts.ok],
      })
    }
  }

  #recover(): void {
    const { reload, times } = afterCrash(this.#crashes, performance.now())
    this.#crashes = times
    if (reload) {
      this.#window.webContents.reload()
      return
    }
    const texts = this.#options.texts()
    void dialog.showMessageBox({
      type: 'error',
      title: texts.pageFailed,
      message: texts.pageFailed,
      detail: texts.pageFailedDetail,
      buttons: [texts.ok],
    })
  }
}
