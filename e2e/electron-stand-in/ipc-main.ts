import { EventEmitter } from 'node:events'

/** Only `on` and `off` are used: the console is one pipe of strings. */
export const ipcMain = new EventEmitter()
