import { createORPCClient, type ClientContext, type ClientLink } from '@orpc/client'
import { RPCLink as PortLink } from '@orpc/client/message-port'
import { RPCLink as SocketLink } from '@orpc/client/websocket'
import { consoleBridge, type ConsoleClient, type ConsolePipe } from '../../shared/contracts/console-bridge.ts'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import type { ConnectionState } from './connection-state.ts'
import { takeConsoleKey, type KeyPlace } from './console-key.ts'
import { portOfPipe } from './pipe-port.ts'
import { revivingLink } from './reviving-link.ts'

export interface ConsoleConnection {
  readonly client: ConsoleClient
  readonly state: () => ConnectionState
  /** Calls the listener whenever the state changed; returns the function that stops it. */
  readonly watch: (listener: (state: ConnectionState) => void) => () => void
  /** Tries again now instead of at the planned time. */
  readonly retry: () => void
}

type Link = ClientLink<ClientContext>

const closed: Link = {
  call: async () => {
    throw new SwitchboardError('disconnected', 'There is no connection to the program.')
  },
}

const firstDelayMs = 500
const longestDelayMs = 10_000
/** Connects by the pipe of the desktop window where there is one, else by a WebSocket to the page's own host. */
export function connectConsole(window: Window): ConsoleConnection {
  const pipe = Reflect.get(window, consoleBridge.global) as ConsolePipe | undefined
  return pipe ? connectByPipe(pipe) : connectBySocket(window, window)
}

function connectByPipe(pipe: ConsolePipe): ConsoleConnection {
  const link: Link = new PortLink({ port: portOfPipe(pipe) })
  return { client: createORPCClient(revivingLink(() => link)), state: () => ({ kind: 'open' }), watch: () => () => undefined, retry: () => undefined }
}

function connectBySocket(window: Window, place: KeyPlace): ConsoleConnection {
  const listeners = new Set<(state: ConnectionState) => void>()
  let state: ConnectionState = { kind: 'connecting' }
  let link: Link = closed
  let attempt = 0
  let timer: number | undefined

  const become = (next: ConnectionState): void => {
    state = next
    for (const listener of [...listeners]) listener(next)
  }

  const open = (): void => {
    window.clearTimeout(timer)
    const key = takeConsoleKey(place)
    if (key === null) {
      become({ kind: 'missing-key' })
      return
    }
    const address = `${window.location.protocol === 'https:' ? 'wss' : 'ws'}://${window.location.host}/console/ws`
    const socket = new WebSocket(address, [consoleBridge.subprotocol, `key.${key}`])
    let wasOpen = false
    socket.addEventListener('open', () => {
      wasOpen = true
      attempt = 0
      link = new SocketLink({ websocket: socket })
      become({ kind: 'open' })
    })
    socket.addEventListener('close', () => {
      link = closed
      // A refused handshake looks like any failed connection from here; whether the program still answers tells them apart.
      if (wasOpen) again()
      else void answers(window).then((answered) => (answered && attempt > 0 ? become({ kind: 'refused' }) : again()), again)
    })
  }

  const again = (): void => {
    attempt += 1
    const delayMs = Math.min(longestDelayMs, firstDelayMs * 2 ** (attempt - 1))
    become({ kind: 'lost', attempt, retryAt: Date.now() + delayMs })
    timer = window.setTimeout(open, delayMs)
  }

  open()
  // A link with a key typed into the address bar of an open page only changes the fragment.
  window.addEventListener('hashchange', () => {
    if (window.location.hash.startsWith('#key=')) open()
  })
  return {
    client: createORPCClient(revivingLink(() => link)),
    state: () => state,
    watch: (listener) => {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    retry: open,
  }
}

/** Whether the program serves this page right now. */
async function answers(window: Window): Promise<boolean> {
  const response = await window.fetch(window.location.pathname, { cache: 'no-store' })
  return response.ok
}
