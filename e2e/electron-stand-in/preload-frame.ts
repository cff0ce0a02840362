/**
 * Source that runs a sandboxed preload before a page's own scripts, with the two parts of Electron it may require.
 * Only in the main frame, as Electron does without nodeIntegrationInSubFrames.
 */
export function preloadFrame(code: string): string {
  return `(() => {
    if (window !== window.top) return
    const listeners = new Map()
    window.__standInEmit = (channel, messages) => {
      for (const message of messages) for (const listener of listeners.get(channel) ?? []) listener({}, message)
    }
    const ipcRenderer = {
      send: (channel, message) => void window.__standInSend(channel, message),
      on: (channel, listener) => { listeners.set(channel, [...(listeners.get(channel) ?? []), listener]); return ipcRenderer },
      off: (channel, listener) => { listeners.set(channel, (listeners.get(channel) ?? []).filter((other) => other !== listener)); return ipcRenderer },
    }
    const contextBridge = {
      exposeInMainWorld: (name, value) => Object.defineProperty(window, name, { value: Object.freeze(value), configurable: false, writable: false }),
    }
    const module = { exports: {} }
    const require = (name) => {
      if (name === 'electron') return { contextBridge, ipcRenderer }
      throw new Error('a sandboxed preload cannot require ' + name)
    }
    ;(function (require, module, exports, process) { ${code}
    })(require, module, module.exports, undefined)
  })()`
}
