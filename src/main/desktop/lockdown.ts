import type { App, Session, WebContents } from 'electron'
import { isPageAddress } from './page-file.ts'

/** Switches off Chromium services that contact servers by themselves. Call it before the app is ready. */
export function silenceChromium(app: App): void {
  app.commandLine.appendSwitch('disable-background-networking')
  app.commandLine.appendSwitch('disable-component-update')
  app.commandLine.appendSwitch('disable-domain-reliability')
}

/** Limits the window's session to our own page and to one permission: writing text to the clipboard. */
export function lockSession(session: Session): void {
  session.setPermissionRequestHandler((contents, permission, answer) => answer(mayHave(permission, contents.getURL())))
  session.setPermissionCheckHandler((contents, permission) => mayHave(permission, contents?.getURL() ?? ''))
  session.setDevicePermissionHandler(() => false)
  session.webRequest.onBeforeRequest((details, answer) => {
    // data: and blob: contain their content; devtools: is Chromium's own page.
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
 * Refuses navigation, new windows and embedded views for every web contents.
 */
export function lockContents(contents: WebContents): void {
  contents.setWindowOpenHandler(() => ({ action: 'deny' }))
  contents.on('will-attach-webview', (event) => event.preventDefault())
  // A navigation to our own page would lose the user's work, so the page routes by its fragment alone. A reload is
  // allowed: it is the way out of a failed page.
  const stay = (event: Navigation): void => {
    if (!event.isMainFrame || event.url !== contents.getURL() || !isPageAddress(event.url)) event.preventDefault()
  }
  // Electron emits both events for a navigation of the main frame.
  contents.on('will-navigate', stay)
  contents.on('will-frame-navigate', stay)
  contents.on('will-redirect', (event) => event.preventDefault())
}
