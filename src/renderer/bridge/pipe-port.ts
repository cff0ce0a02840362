import type { ConsolePipe } from '../../shared/contracts/console-bridge.ts'

/** What the message-port client of oRPC needs of a port. */
export interface PortLike {
  on(event: string, callback: (event?: { data: unknown }) => void): void
  postMessage(data: unknown): void
}

/** The desktop window's pipe of strings in the shape of a message port. It lives as long as the window. */
export function portOfPipe(pipe: ConsolePipe): PortLike {
  return {
    on(event, callback) {
      if (event === 'message') pipe.listen((data) => callback({ data }))
    },
    postMessage(data) {
      if (typeof data !== 'string') throw new TypeError('the console pipe carries strings only')
      pipe.send(data)
    },
  }
}
