import { createServer, type RequestListener, type Server } from 'node:http'
import { Socket } from 'node:net'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import { checkHost } from './host-check.ts'
import { asParserError, asSwitchboardError, refuse, refuseSocket } from './http-errors.ts'
import type { ServerLimits } from './server-limits.ts'

/** Node's server with all limits set. The Host check runs before anything in Fastify. */
export function createListener(
  handler: RequestListener,
  limits: ServerLimits,
  hosts: () => ReadonlySet<string>,
): Server {
  const server = createServer(
    {
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      connectionsCheckingInterval: limits.connectionCheckMs,
      keepAliveTimeout: limits.keepAliveMs,
      maxHeaderSize: 16 * 1024,
      requireHostHeader: false,
      noDelay: true,
      // Other upgrades, such as h2c offered by Java clients and curl, may be ignored (RFC 9110, 7.8): the request is
      // answered as usual.
      shouldUpgradeCallback: ({ headers }) => /\bwebsocket\b/i.test(headers.upgrade ?? ''),
    },
    (request, response) => {
      try {
        checkHost(request, hosts())
      } catch (thrown) {
        refuse(response, asSwitchboardError(thrown))
        return
      }
      handler(request, response)
    },
  )
  server.maxRequestsPerSocket = 1000
  server.maxConnections = limits.connections
  // checkHost counts the headers; Node would silently drop those beyond its limit.
  server.maxHeadersCount = 0
  server.on('connect', (_request, stream) => {
    if (stream instanceof Socket)
      refuseSocket(stream, new SwitchboardError('method_not_allowed', 'This endpoint is not a proxy.'))
    else stream.destroy()
  })
  return server
}

/** Answers bytes that are not a request, and requests that did not arrive in time. */
export function answerClientError(failure: Error, socket: Socket, limits: ServerLimits): void {
  const error = asParserError(failure)
  if (error.code === 'request_timeout' && socket.bytesRead === 0) keepUnused(socket, limits)
  else refuseSocket(socket, error)
}

/**
 * A connection without a request yet, for example one whose first request was cancelled while it opened, gets the idle
 * time announced in `Keep-Alive` and is then closed without an answer: the client would take an unsolicited answer for
 * that of its next request (RFC 9112, 9.3 and 9.5). After the first byte the usual time limits apply.
 */
function keepUnused(socket: Socket, limits: ServerLimits): void {
  const timer = setTimeout(
    () => {
      if (socket.bytesRead === 0) socket.destroy()
    },
    Math.max(0, limits.keepAliveMs - limits.headersTimeoutMs),
  )
  socket.once('close', () => clearTimeout(timer))
}
