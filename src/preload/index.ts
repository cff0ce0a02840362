import { contextBridge, ipcRenderer } from 'electron'
import { consoleBridge, type ConsolePipe } from '../shared/contracts/console-bridge.ts'

/** The only object the page sees: strings in, strings out. Main parses them against the contract. */
const pipe: ConsolePipe = {
  send(message) {
    ipcRenderer.send(consoleBridge.up, message)
  },
  listen(listener) {
    // Only the text is passed on: the event would expose an Electron object to the page.
    const pass = (_event: unknown, message: unknown) => {
      if (typeof message === 'string') listener(message)
    }
    ipcRenderer.on(consoleBridge.down, pass)
    return () => {
      ipcRenderer.off(consoleBridge.down, pass)
    }
  },
}

contextBridge.exposeInMainWorld(consoleBridge.global, Object.freeze(pipe))
