/** The desktop host: one window over the same backend the headless host serves to a browser. Composition, in order. */
import { mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { app, dialog, Menu, nativeTheme, session, type Tray } from 'electron'
import type { Settings } from '../shared/domain/settings.ts'
import { SwitchboardError } from '../shared/errors/switchboard-error.ts'
import { createBackend, type Backend } from './backend.ts'
import { parseDesktopArguments } from './commands/arguments.ts'
import { describe } from './commands/terminal.ts'
import { desktopTexts, type DesktopTexts } from './desktop/desktop-texts.ts'
import { openExternalLink } from './desktop/external-link.ts'
import { lockContents, lockSession, silenceChromium } from './desktop/lockdown.ts'
import { MainWindow } from './desktop/main-window.ts'
import { createTray, trayMenu, windowMenu, type MenuActions } from './desktop/menus.ts'
import { registerPageScheme, servePage } from './desktop/page-scheme.ts'
import { launchUtilityProcess } from './desktop/utility-launcher.ts'
import { defaultHomeRoot, openHome, type Home } from './platform/home.ts'
import { findProductFiles, productFilesAt, type ProductFiles } from './platform/product-files.ts'
import { lockInstance, type InstanceLock } from './platform/run-file.ts'
import { readOrCreateSecret } from './platform/secret-file.ts'
import { attachConsolePipe } from './console/console-pipe.ts'
import { createConsoleRouter } from './console/console-router.ts'

/** Time for running replies to end by themselves when the person quits, ms. */
const drainMs = 9000

/**
 * Exit code of a start that failed and said why in a window: scripts/electron.mjs knows by it that Electron itself can run
 * here.
 */
const toldCode = 69

app.setAppUserModelId('app.switchboard.desktop')
silenceChromium(app)
registerPageScheme()
try {
  const place = openPlace()
  if (app.requestSingleInstanceLock()) void app.whenReady().then(() => start(place))
  else app.quit()
} catch (thrown) {
  void app.whenReady().then(() => refuse(thrown, desktopTexts('auto', app.getLocale())))
}

interface Place {
  readonly home: Home
  /** The browser's own files. */
  readonly profile: string
  readonly port: number | undefined
}

/** @throws SwitchboardError invalid_arguments, and what the disk says. */
function openPlace(): Place {
  const { home: named, port } = parseDesktopArguments(process.argv, process.env)
  const home = openHome(named === undefined ? defaultHomeRoot(process.env, process.platform) : resolve(named))
  const profile = join(home.root, 'window')
  mkdirSync(profile, { recursive: true, mode: 0o700 })
  // They lie beside the rest, and Electron's lock on them is one a home folder, as ours is.
  app.setPath('userData', profile)
  return { home, profile, port }
}

async function start({ home, profile, port }: Place): Promise<void> {
  const files = app.isPackaged
    ? productFilesAt(app.getAppPath(), join(process.resourcesPath, 'resources'))
    : findProductFiles()
  let settings: Pick<Settings, 'language' | 'theme'> = { language: 'auto', theme: 'auto' }
  const texts = (): DesktopTexts => desktopTexts(settings.language, app.getLocale())
  let lock: InstanceLock | null = null
  try {
    lock = lockInstance(home.runFile)
    const backend = await createBackend({
      home,
      files,
      host: 'electron',
      launch: launchUtilityProcess,
      consoleSecret: readOrCreateSecret(home.consoleKey),
      openExternal: (url) => openExternalLink(url, texts()),
    })
    settings = backend.core.storage.settings.current
    const url = await listen(backend, port, texts())
    if (url === null) {
      await backend.dispose()
      lock.dispose()
      app.exit(0)
      return
    }
    lock.publish({ pid: process.pid, port: Number(new URL(url).port || 80), startedAt: Date.now() })
    process.stdout.write(`Switchboard ${files.version} is ready; endpoint ${url}/v1\n`)
    backend.core.storage.settings.onChange((changed) => {
      settings = changed
    })
    await openWindow({ backend, lock, files, profile, texts })
  } catch (thrown) {
    lock?.dispose()
    refuse(thrown, texts())
  }
}

/** Says why the app cannot start, in a window and where it was started from, and ends it. */
function refuse(thrown: unknown, texts: DesktopTexts): void {
  process.stderr.write(describe(thrown).text)
  dialog.showErrorBox(
    texts.startFailed,
    thrown instanceof SwitchboardError ? `${thrown.message}\n${thrown.entry.hint}` : String(thrown),
  )
  app.exit(toldCode)
}

/**
 * Listens on the usual port; where another program has it, the person may take a free one. Null when they would rather
 * quit.
 */
async function listen({ server }: Backend, port: number | undefined, texts: DesktopTexts): Promise<string | null> {
  try {
    return await server.listen(port)
  } catch (thrown) {
    if (!(thrown instanceof SwitchboardError) || thrown.code !== 'port_in_use') throw thrown
    const { response } = await dialog.showMessageBox({
      type: 'warning',
      title: texts.portTaken,
      message: texts.portTaken,
      detail: texts.portTakenDetail,
      buttons: [texts.useFreePort, texts.quit],
      defaultId: 0,
      cancelId: 1,
      noLink: true,
    })
    return response === 0 ? await server.listen(0) : null
  }
}

interface Parts {
  readonly backend: Backend
  readonly lock: InstanceLock
  readonly files: ProductFiles
  readonly profile: string
  readonly texts: () => DesktopTexts
}

async function openWindow({ backend, lock, files, profile, texts }: Parts): Promise<void> {
  if (files.renderer === null) throw new SwitchboardError('internal', 'the page of the window was not built')
  lockSession(session.defaultSession)
  servePage(session.defaultSession, files.renderer)
  app.on('web-contents-created', (_event, contents) => lockContents(contents))

  const { log, storage } = backend.core
  const router = createConsoleRouter(backend.handlers, log)
  let quitting = false
  const icons = join(files.resources, 'icons')
  const window = new MainWindow({
    preload: join(files.renderer, '..', 'preload', 'index.cjs'),
    icon: join(icons, 'icon.png'),
    placeFile: join(profile, 'place.json'),
    texts,
    attach: (pipe) => attachConsolePipe(router, pipe, log),
    quitting: () => quitting,
  })
  const actions: MenuActions = {
    open: () => window.show(),
    quit: () => app.quit(),
    endpointUrl: () => backend.status.endpointUrl(),
  }
  const tray = createTray(join(icons, 'tray.png'), actions)
  const dress = (): void => dressDesktop(tray, texts(), storage.settings.current, actions)
  dress()
  storage.settings.onChange(dress)

  app.on('second-instance', () => window.show())
  // The endpoint goes on without a window; only Quit ends the app.
  app.on('window-all-closed', () => undefined)
  let ended = false
  app.on('before-quit', (event) => {
    if (ended) return
    event.preventDefault()
    if (quitting) {
      // Asked twice: whoever asks does not want to wait.
      void backend.drain(0)
      return
    }
    quitting = true
    window.savePlace()
    void shutDown(backend, lock).finally(() => {
      ended = true
      tray.destroy()
      app.quit()
    })
  })
  await window.load().catch((thrown: unknown) => {
    // Quit while its page loads, the window takes the load with it: the start did not fail.
    if (!quitting) throw thrown
  })
}

/** Menus and colours in the chosen language and theme. */
function dressDesktop(tray: Tray, texts: DesktopTexts, settings: Settings, actions: MenuActions): void {
  Menu.setApplicationMenu(windowMenu(texts, actions))
  tray.setContextMenu(trayMenu(texts, actions))
  nativeTheme.themeSource = settings.theme === 'auto' ? 'system' : settings.theme
}

async function shutDown(backend: Backend, lock: InstanceLock): Promise<void> {
  try {
    await backend.drain(drainMs)
  } finally {
    await backend.dispose()
    lock.dispose()
  }
}
