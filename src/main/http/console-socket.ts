import type { IncomingMessage, Server } from 'node:http'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { WebSocketServer, type WebSocket } from 'ws'
import type { Disposable } from '../../shared/base/disposable.ts'
import { consoleBridge } from '../../shared/contracts/console-bridge.ts'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import { attachConsolePipe, type ServerPipe } from '../console/console-pipe.ts'
import type { ConsoleRouter } from '../console/console-router.ts'
import { sameSecret } from './authentication.ts'
import { checkHost } from './host-check.ts'
import { asSwitchboardError, refuseSocket } from './http-errors.ts'
import type { ServerLimits } from './server-limits.ts'
import type { Log } from '../platform/log.ts'

const CONSOLE_SOCKET_PATH = '/console/ws'
const MAX_CLOSING_MS = 250
const BUFFER_POLL_MS = 20

export interface ConsoleAccess {
  readonly router: ConsoleRouter
  readonly secret: string
}

/**
 * The console's WebSocket. Host, Origin and the secret are checked before the upgrade is accepted. The secret is sent
 * as a second subprotocol, because a page cannot set headers. Without a console every WebSocket is refused.
 */
export class ConsoleSocket implements Disposable {
  readonly #sockets: WebSocketServer
  readonly #limits: ServerLimits
  readonly #access: ConsoleAccess | null
  readonly #log: Log
  readonly #hosts: () => ReadonlySet<string>
  readonly #answered = new WeakSet<WebSocket>()
  readonly #pings: NodeJS.Timeout
  #closed = false

  constructor(access: ConsoleAccess | null, limits: ServerLimits, hosts: () => ReadonlySet<string>, log: Log) {
    this.#access = access
    this.#limits = limits
    this.#hosts = hosts
    this.#log = log
    this.#sockets = new WebSocketServer({
      noServer: true,
      maxPayload: limits.consoleMessageBytes,
      perMessageDeflate: false,
      handleProtocols: () => consoleBridge.subprotocol,
    })
    this.#pings = setInterval(() => this.#ping(), limits.consolePingMs)
    this.#pings.unref()
  }

  attach(server: Server): void {
    server.on('upgrade', (request: IncomingMessage, stream: Duplex, head: Buffer) => {
      try {
        const access = this.#authorise(request)
        this.#sockets.handleUpgrade(request, stream, head, (socket) => this.#accept(socket, access))
      } catch (thrown) {
        if (stream instanceof Socket) refuseSocket(stream, asSwitchboardError(thrown))
        else stream.destroy()
      }
    })
  }

  /**
   * @throws SwitchboardError host_not_allowed, origin_not_allowed, invalid_request, unauthorized, draining,
   * rate_limited.
   */
  #authorise(request: IncomingMessage): ConsoleAccess {
    checkHost(request, this.#hosts())
    const access = this.#access
    if (
      access === null ||
      request.method !== 'GET' ||
      request.url !== CONSOLE_SOCKET_PATH ||
      request.headers.upgrade?.toLowerCase() !== 'websocket'
    ) {
      throw new SwitchboardError('invalid_request', 'There is no WebSocket at this path.')
    }
    if (request.headers.origin === undefined)
      throw new SwitchboardError('origin_not_allowed', 'The console is opened by its own page only.')
    const [protocol, key, ...rest] = (request.headers['sec-websocket-protocol'] ?? '')
      .split(',')
      .map((name) => name.trim())
    if (protocol !== consoleBridge.subprotocol || rest.length > 0 || !sameSecret(key ?? '', `key.${access.secret}`))
      throw new SwitchboardError('unauthorized', 'No valid console key came with the connection.')
    if (this.#closed) throw new SwitchboardError('draining', 'The program is closing.')
    if (this.#sockets.clients.size >= this.#limits.consoleConnections)
      throw new SwitchboardError('rate_limited', 'Too many console windows are open.')
    return access
  }

  #accept(socket: WebSocket, access: ConsoleAccess): void {
    this.#answered.add(socket)
    socket.on('pong', () => this.#answered.add(socket))
    socket.on('error', () => socket.terminate())
    attachConsolePipe(
      access.router,
      pipeOf(socket, this.#limits.consoleBufferBytes, this.#limits.stalledReaderMs),
      this.#log,
    )
  }

  /** Terminates connections that did not answer the previous ping. */
  #ping(): void {
    for (const socket of this.#sockets.clients) {
      if (!this.#answered.delete(socket)) socket.terminate()
      else socket.ping()
    }
  }

  dispose(): void {
    this.#closed = true
    clearInterval(this.#pings)
    for (const socket of this.#sockets.clients) {
      socket.close(1001)
      // The server waits for its sockets, so one that does not finish the closing handshake in time is terminated.
      setTimeout(() => socket.terminate(), MAX_CLOSING_MS)
    }
    this.#sockets.close()
  }
}

function pipeOf(socket: WebSocket, bufferBytes: number, stalledMs: number): ServerPipe {
  let waiting: Promise<void> | undefined
  return {
    send: (message) => {
      if (socket.readyState === socket.OPEN) socket.send(message)
    },
    onMessage: (listener) => {
      socket.on('message', (data, isBinary) => {
        if (isBinary || !Buffer.isBuffer(data)) socket.close(1003)
        else listener(data.toString('utf8'))
      })
    },
    onClose: (listener) => void socket.on('close', listener),
    room: () => {
      if (socket.bufferedAmount <= bufferBytes) return undefined
      waiting ??= drained(socket, bufferBytes, stalledMs).finally(() => (waiting = undefined))
      return waiting
    },
    close: () => socket.close(1008),
  }
}

/** Polls the buffer, because ws has no drain event. A window that does not read in time is disconnected. */
async function drained(socket: WebSocket, bufferBytes: number, stalledMs: number): Promise<void> {
  for (
    let waitedMs = 0;
    socket.readyState === socket.OPEN && socket.bufferedAmount > bufferBytes;
    waitedMs += BUFFER_POLL_MS
  ) {
    if (waitedMs >= stalledMs) {
      socket.terminate()
      return
    }
    await new Promise((resolve) => setTimeout(resolve, BUFFER_POLL_MS))
  }
}
