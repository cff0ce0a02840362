/**
 * The parts of Electron's main-process API that src/main/index.ts and src/main/desktop use, over Node and Chromium.
 * `implements` and `satisfies` check every part against Electron's own declarations. Differences: the preload
 * runs in the page's own world, hidden windows are still painted, menus and trays are plain data for the tests.
 */
import { EventEmitter } from 'node:events'
import type Electron from 'electron'
import { app } from './app.ts'
import { BrowserWindow } from './browser-window.ts'
import { evaluateForTests } from './evaluate.ts'
import { ipcMain } from './ipc-main.ts'
import { defaultSession } from './session.ts'
import { utilityProcess } from './utility-process.ts'

/** What a user would see or press; tests read it and set the answers. */
export const seen = {
  dialogs: [] as Electron.MessageBoxOptions[],
  /** Buttons that answer the next dialogs; then the dialog's cancel button, or its first. */
  answers: [] as number[],
  opened: [] as string[],
  clipboard: '',
  trays: [] as Tray[],
  windowMenu: null as Menu | null,
}

const protocol = {
  registerSchemesAsPrivileged: () => undefined,
} satisfies Pick<Electron.Protocol, 'registerSchemesAsPrivileged'>

const session = { defaultSession }

const shell = {
  openExternal: async (url: string) => void seen.opened.push(url),
} satisfies Pick<Electron.Shell, 'openExternal'>

const dialog = {
  showMessageBox: async (options: Electron.MessageBoxOptions): Promise<Electron.MessageBoxReturnValue> => {
    seen.dialogs.push(options)
    return { response: seen.answers.shift() ?? options.cancelId ?? 0, checkboxChecked: false }
  },
  showErrorBox: (title: string, content: string) =>
    void seen.dialogs.push({ type: 'error', message: title, detail: content }),
}

class Menu {
  readonly template: readonly Electron.MenuItemConstructorOptions[]

  constructor(template: readonly Electron.MenuItemConstructorOptions[]) {
    this.template = template
  }

  static buildFromTemplate(template: readonly Electron.MenuItemConstructorOptions[]): Menu {
    return new Menu(template)
  }

  static setApplicationMenu(menu: Menu | null): void {
    seen.windowMenu = menu
  }

  /** Clicks the item with this label; returns false when there is none. */
  press(label: string): boolean {
    const item = this.template.find((candidate) => candidate.label === label)
    // Our handlers take no arguments.
    const click = item?.click as (() => void) | undefined
    click?.()
    return click !== undefined
  }
}

class Tray extends EventEmitter {
  readonly icon: unknown
  menu: Menu | null = null

  constructor(icon: unknown) {
    super()
    this.icon = icon
    seen.trays.push(this)
  }

  setToolTip(): void {
    // Tool tips are not tested.
  }

  setContextMenu(menu: Menu | null): void {
    this.menu = menu
  }

  destroy(): void {
    seen.trays.splice(seen.trays.indexOf(this), 1)
  }
}

const clipboard = {
  writeText: async (text: string) => {
    seen.clipboard = text
  },
} satisfies Pick<Electron.Clipboard, 'writeText'>

const workArea = { x: 0, y: 0, width: 1920, height: 1080 }
const screen = { getAllDisplays: () => [{ workArea }] }

const nativeTheme = { themeSource: 'system' as 'system' | 'light' | 'dark' } satisfies Pick<
  Electron.NativeTheme,
  'themeSource'
>

evaluateForTests({
  app,
  BrowserWindow,
  clipboard,
  dialog,
  ipcMain,
  Menu,
  nativeTheme,
  screen,
  seen,
  session,
  shell,
  Tray,
  utilityProcess,
})

export {
  app,
  BrowserWindow,
  clipboard,
  dialog,
  ipcMain,
  Menu,
  nativeTheme,
  protocol,
  screen,
  session,
  shell,
  Tray,
  utilityProcess,
}
