import { ipcMain, type IpcMainEvent, type WebContents } from 'electron'
import { consoleBridge } from '../../shared/contracts/console-bridge.ts'
import { isPageAddress } from './page-file.ts'

/** Longest message in characters; the longest allowed text with its envelope stays far below. */
const MAX_MESSAGE_LENGTH = 2 * 1024 * 1024

/** The connection of one page load, as the console's server expects it. */
export interface DoorPipe {
  send(message: string): void
  onMessage(listener: (message: string) => void): void
  onClose(listener: () => void): void
  close(): void
}

/**
 * The only user of ipcMain. Each load of the page is a new connection, and the connection of the previous load is
 * closed. Only messages from the main frame of our own page are accepted.
 */
export function openConsoleDoor(contents: WebContents, attach: (pipe: DoorPipe) => void): void {
  let current: { receive(message: string): void; close(): void } | null = null

  const connect = (): { receive(message: string): void; close(): void } => {
    const messageListeners: ((message: string) => void)[] = []
    const closeListeners: (() => void)[] = []
    let closed = false
    const connection = {
      receive: (message: string): void => {
        for (const listener of messageListeners) listener(message)
      },
      close: (): void => {
        if (closed) return
        closed = true
        for (const listener of closeListeners) listener()
      },
    }
    attach({
      send: (message) => {
        if (!closed && !contents.isDestroyed()) contents.send(consoleBridge.down, message)
      },
      onMessage: (listener) => void messageListeners.push(listener),
      onClose: (listener) => void closeListeners.push(listener),
      // The page stays; its next message opens a new connection.
      close: () => leave(),
    })
    return connection
  }

  const leave = (): void => {
    current?.close()
    current = null
  }

  const receive = (event: IpcMainEvent, message: unknown): void => {
    if (
      event.sender !== contents ||
      event.senderFrame === null ||
      event.senderFrame.parent !== null ||
      !isPageAddress(event.senderFrame.url)
    )
      return
    if (typeof message !== 'string' || message.length > MAX_MESSAGE_LENGTH) return
    current ??= connect()
    current.receive(message)
  }

  ipcMain.on(consoleBridge.up, receive)
  contents.on('did-start-navigation', (details) => {
    if (details.isMainFrame && !details.isSameDocument) leave()
  })
  contents.on('render-process-gone', leave)
  contents.on('destroyed', () => {
    ipcMain.off(consoleBridge.up, receive)
    leave()
  })
}
