/** Loaded before the entry of a utility process: gives it `process.parentPort` over the channel it was forked with. */
import { EventEmitter } from 'node:events'

class ParentPort extends EventEmitter {
  postMessage(message: unknown): void {
    // A parent that is shutting down takes no more messages; its end emits `disconnect`.
    if (process.connected) process.send?.(message)
  }
}

const port = new ParentPort()
process.on('message', (data) => port.emit('message', { data, ports: [] }))
process.on('disconnect', () => process.exit(0))
Object.defineProperty(process, 'parentPort', { value: port })
