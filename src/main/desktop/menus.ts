import { clipboard, Menu, Tray, type MenuItemConstructorOptions } from 'electron'
import type { DesktopTexts } from './desktop-texts.ts'

export interface MenuActions {
  readonly open: () => void
  readonly quit: () => void
  /** Null while the endpoint is not listening. */
  readonly endpointUrl: () => string | null
}

/** The window's menu: the usual shortcuts. Everything in it is also reachable in the page. */
export function windowMenu(texts: DesktopTexts, actions: MenuActions): Menu {
  const template: MenuItemConstructorOptions[] = [
    {
      label: texts.file,
      submenu: [
        { role: 'close', label: texts.closeWindow },
        { label: texts.quit, accelerator: 'CommandOrControl+Q', click: actions.quit },
      ],
    },
    {
      label: texts.edit,
      submenu: [
        { role: 'undo', label: texts.undo },
        { role: 'redo', label: texts.redo },
        { type: 'separator' },
        { role: 'cut', label: texts.cut },
        { role: 'copy', label: texts.copy },
        { role: 'paste', label: texts.paste },
        { role: 'selectAll', label: texts.selectAll },
      ],
    },
    {
      label: texts.view,
      submenu: [
        { role: 'zoomIn', label: texts.zoomIn },
        { role: 'zoomOut', label: texts.zoomOut },
        { role: 'resetZoom', label: texts.zoomReset },
        { role: 'togglefullscreen', label: texts.fullScreen },
      ],
    },
  ]
  return Menu.buildFromTemplate(template)
}

/** The tray icon, which stays when the window is closed. */
export function createTray(icon: string, actions: MenuActions): Tray {
  const tray = new Tray(icon)
  tray.setToolTip('Switchboard')
  tray.on('click', actions.open)
  return tray
}

export function trayMenu(texts: DesktopTexts, actions: MenuActions): Menu {
  return Menu.buildFromTemplate([
    { label: texts.open, click: actions.open },
    {
      label: texts.copyEndpoint,
      click: () => {
        const url = actions.endpointUrl()
        if (url !== null) void clipboard.writeText(url)
      },
    },
    { type: 'separator' },
    { label: texts.quit, click: actions.quit },
  ])
}
