import type { App, Session, WebContents } from 'electron'
import { isPageAddress } from './page-file.ts'

/** Chromium services that call home by themselves; nothing leaves this machine unasked. Before the app is ready. */
export function silenceChromium(app: App): void {
  app.commandLine.appendSwitch('disable-background-networking')
  app.commandLine.appendSwitch('disable-component-update')
  app.commandLine.appendSwitch('disable-domain-reliability')
}

/** The session of the window reaches our own page only and is granted one thing: to put text on the clipboard. */
export function lockSession(session: Session): void {
  session.setPermissionRequestHandler((contents, permission, answer) => answer(mayHave(permission, contents.getURL())))
  session.setPermissionCheckHandler((contents, permission) => mayHave(permission, contents?.getURL() ?? ''))
  session.setDevicePermissionHandler(() => false)
  session.webRequest.onBeforeRequest((details, answer) => {
    // data: and blob: carry their content with them; devtools is Chromium's own page.
    const harmless = /^(data|blob|devtools):/.test(details.url)
    answer({ cancel: !harmless && !isPageAddress(details.url) })
  })
}

const mayHave = (permission: string, address: string): boolean =>
  permission === 'clipboard-sanitized-write' && isPageAddress(address)

interface Navigation {
  readonly url: string
  readonly isMainFrame: boolean
  preventDefault(): void
}

/**
 * No page, frame or window but ours: navigation, new windows and embedded views are refused for whatever is created.
 */
export function lockContents(contents: WebContents): void {
  contents.setWindowOpenHandler(() => ({ action: 'deny' }))
  contents.on('will-attach-webview', (event) => event.preventDefault())
  // Also a link to our own page would throw away what the person is doing; the page moves by its fragment alone. It may
  // load
  // again where it is: the way out when it failed.
  const stay = (event: Navigation): void => {
    if (!event.isMainFrame || event.url !== contents.getURL() || !isPageAddress(event.url)) event.preventDefault()
  }
  // Electron puts a navigation of the main frame to both.
  contents.on('will-navigate', stay)
  contents.on('will-frame-navigate', stay)
  contents.on('will-redirect', (event) => event.preventDefault())
}
