import { createORPCClient, type ClientContext, type ClientLink } from '@orpc/client'
import { RPCLink as PortLink } from '@orpc/client/message-port'
import { RPCLink as SocketLink } from '@orpc/client/websocket'
import { consoleBridge, type ConsoleClient, type ConsolePipe } from '../../shared/contracts/console-bridge.ts'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import type { ConnectionState, LostReason } from './connection-state.ts'
import { takeConsoleKey, type KeyContext } from './console-key.ts'
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

const MIN_DELAY_MS = 500
const MAX_DELAY_MS = 10_000

/** Connects by the pipe of the desktop window where there is one, else by a WebSocket to the page's own host. */
export function connectConsole(window: Window): ConsoleConnection {
  const pipe = Reflect.get(window, consoleBridge.global) as ConsolePipe | undefined
  return pipe ? connectByPipe(pipe) : connectBySocket(window, window)
}

function connectByPipe(pipe: ConsolePipe): ConsoleConnection {
  const link: Link = new PortLink({ port: portOfPipe(pipe) })
  return {
    client: createORPCClient(revivingLink(() => link)),
    state: () => ({ kind: 'open' }),
    watch: () => () => undefined,
    retry: () => undefined,
  }
}

function connectBySocket(window: Window, context: KeyContext): ConsoleConnection {
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
    const key = takeConsoleKey(context)
    if (key === null) {
      become({ kind: 'missing-key' })
      return
    }
    const socket = socketWith(window, key)
    if (socket === null) {
      become({ kind: 'refused' })
      return
    }
    let wasOpen = false
    socket.addEventListener('open', () => {
      wasOpen = true
      attempt = 0
      link = new SocketLink({ websocket: socket })
      become({ kind: 'open' })
    })
    socket.addEventListener('close', () => {
      link = closed
      if (wasOpen) again('unreachable')
      else
        void whyRefused(window, key, attempt > 0).then((reason) =>
          reason === 'wrong-key' ? become({ kind: 'refused' }) : again(reason),
        )
    })
  }

  const again = (reason: LostReason): void => {
    attempt += 1
    const delayMs = Math.min(MAX_DELAY_MS, MIN_DELAY_MS * 2 ** (attempt - 1))
    become({ kind: 'lost', reason, attempt, retryAt: Date.now() + delayMs })
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

/** Null for a key that no handshake can carry, such as an address that was pasted without its end. */
function socketWith(window: Window, key: string): WebSocket | null {
  const address = `${window.location.protocol === 'https:' ? 'wss' : 'ws'}://${window.location.host}/console/ws`
  try {
    return new WebSocket(address, [consoleBridge.subprotocol, `key.${key}`])
  } catch {
    return null
  }
}

/**
 * A refused handshake looks like any failed connection from here, so the same key asks over HTTP. Where the program
 * takes it
 * and goes on answering, there are too many windows; the first time it may as well have started in between.
 */
async function whyRefused(window: Window, key: string, before: boolean): Promise<LostReason | 'wrong-key'> {
  try {
    const response = await window.fetch('/ready', { cache: 'no-store', headers: { authorization: `Bearer ${key}` } })
    // 429: wrong keys came too often; a right one always passes.
    if (response.status === 401 || response.status === 429) return 'wrong-key'
    if (response.status === 503 && ((await response.json()) as Refusal).error?.code === 'draining') return 'closing'
    return before ? 'crowded' : 'unreachable'
  } catch {
    return 'unreachable'
  }
}

interface Refusal {
  readonly error?: { readonly code?: string }
}
