import { StandardRPCHandler } from '@orpc/server/standard'
import { createServerPeerHandleRequestFn } from '@orpc/server/standard-peer'
import { ServerPeer } from '@orpc/standard-server-peer'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import type { Log } from '../platform/log.ts'
import type { ConsoleRouter } from './console-router.ts'

/** Connection to one window, over any transport: strings in both directions. */
export interface ServerPipe {
  send(message: string): void
  onMessage(listener: (message: string) => void): void
  onClose(listener: () => void): void
  /** Back-pressure for streams: resolves when there is room to send; undefined when there is room now. */
  room?(): Promise<void> | undefined
  /** Closes the connection after an invalid message. */
  close?(): void
}

const alwaysRoom = () => undefined

/** Answers the calls that arrive in a pipe. When it closes, all open calls and streams are aborted. */
export function attachConsolePipe(router: ConsoleRouter, pipe: ServerPipe, log: Log): void {
  const context = { room: pipe.room?.bind(pipe) ?? alwaysRoom }
  const handle = createServerPeerHandleRequestFn(new StandardRPCHandler(router), { context })
  let closed = false
  const peer = new ServerPeer((message) => {
    if (typeof message !== 'string') throw new SwitchboardError('internal', 'A console answer was not text.')
    if (!closed) pipe.send(message)
  })
  pipe.onClose(() => {
    closed = true
    peer.close()
  })
  pipe.onMessage((message) => {
    if (closed) return
    peer.message(message, handle).catch((error: unknown) => {
      if (closed) return
      log.warn({ error: error instanceof Error ? error.name : 'unknown' }, 'a console connection sent an invalid call')
      pipe.close?.()
    })
  })
}
