import { RPCHandler } from '@orpc/server/bun-ws'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import type { ConsoleRouter } from './console-router.ts'
import type { Log } from '../platform/log.ts'

/** One window's connection, whatever carries it: strings both ways. */
export interface ServerPipe {
  send(message: string): void
  onMessage(listener: (message: string) => void): void
  onClose(listener: () => void): void
  /** Undefined while there is room; otherwise a promise of it. Streams wait for it instead of filling memory. */
  room?(): Promise<void> | undefined
  /** Ends the connection after the other side sent what is no call. */
  close?(): void
}

const always = () => undefined

/**
 * Answers the calls that arrive in this pipe until it closes; then every call and stream still open is aborted.
 * The adapter is the one of oRPC that takes messages one by one and so fits any carrier; nothing of Bun is in it.
 */
export function attachConsolePipe(router: ConsoleRouter, pipe: ServerPipe, log: Log): void {
  const handler = new RPCHandler(router)
  const context = { room: pipe.room?.bind(pipe) ?? always }
  let closed = false
  const socket = {
    send: (message: string | ArrayBufferLike | Uint8Array) => {
      if (typeof message !== 'string') throw new SwitchboardError('internal', 'A console answer was not text.')
      if (!closed) pipe.send(message)
      return message.length
    },
  }
  pipe.onClose(() => {
    closed = true
    handler.close(socket)
  })
  pipe.onMessage((message) => {
    if (closed) return
    handler.message(socket, message, { context }).catch((error: unknown) => {
      if (closed) return
      log.warn({ error: error instanceof Error ? error.name : 'unknown' }, 'a console connection sent what is no call')
      pipe.close?.()
    })
  })
}
