import { createServer as createHttpServer, type RequestListener, type Server } from 'node:http'
import { Socket } from 'node:net'
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { ulid } from 'ulid'
import type { Listen } from '../../shared/base/emitter.ts'
import type { Principal } from '../../shared/domain/api-key.ts'
import type { ModelSummary } from '../../shared/domain/model.ts'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import type { Answerer } from '../answering/answer.ts'
import type { Resolver } from '../catalog/resolver.ts'
import type { ConsoleHandlers } from '../console/console-handlers.ts'
import { createConsoleRouter } from '../console/console-router.ts'
import { toHttpAnswer } from '../openai/errors.ts'
import { addCompletionRoutes } from '../openai/completion-routes.ts'
import { addModelRoutes } from '../openai/model-routes.ts'
import { OpenReplies } from '../openai/open-replies.ts'
import { KeepAlive } from '../openai/sse-writer.ts'
import { parseStrictJson } from '../openai/strict-json.ts'
import type { Log } from '../platform/log.ts'
import type { EngineOverview } from '../telemetry/engine-overview.ts'
import { Metrics } from '../telemetry/metrics.ts'
import { Authentication, PUBLIC_ROUTES, type KeyAuthority } from './authentication.ts'
import { addConsoleFiles } from './console-files.ts'
import { ConsoleSocket } from './console-socket.ts'
import { allowedHosts, checkHost, checkMediaType, decodableTarget } from './host-check.ts'
import { asParserError, asSwitchboardError, refuse, refuseSocket } from './http-errors.ts'
import { addInformationRoutes } from './information-routes.ts'
import { RouteTable } from './route-table.ts'
import { DEFAULT_LIMITS, type ServerLimits } from './server-limits.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by the guard on every route that needs a key. */
    principal: Principal | null
  }
}

export interface ServerDependencies {
  readonly answerer: Answerer
  readonly resolver: Pick<Resolver, 'forProgram' | 'published'>
  readonly keys: KeyAuthority & {
    /** Its open replies are cut at once. */
    readonly onRevoked: Listen<{ readonly keyId: string }>
  }
  readonly models: { list(): Promise<readonly ModelSummary[]> }
  /** Latest states of the engines. */
  readonly engines: () => EngineOverview
  /** Limit of open replies: slots plus queue. One more is refused before any work is done. */
  readonly capacity?: () => number
  /** The console: its handlers, the secret of its page, and the folder of the built page; null serves no console. */
  readonly console: { readonly handlers: ConsoleHandlers; readonly secret: string; readonly directory: string } | null
  readonly version: string
  readonly log: Log
  readonly limits?: Partial<ServerLimits>
}

const DEFAULT_PORT = 4317
const MAX_CLOSING_MS = 500

export interface SwitchboardServer {
  /**
   * Listens on 127.0.0.1 and resolves to the URL.
   * @param port 0 picks a free port.
   * @throws SwitchboardError port_in_use.
   */
  listen(port?: number): Promise<string>
  /**
   * Refuses new requests with `draining`, gives open replies `drainMs` to finish, ends the rest with an error, and closes.
   * A second call with `drainMs` 0 ends them at once.
   * @param console work the console still waits for; its connections stay open until this settles.
   */
  close(drainMs: number, console?: Promise<void>): Promise<void>
  /** For example `http://127.0.0.1:4317`; null while not listening. */
  readonly url: string | null
  /** Replies since the start, and replies open now. */
  readonly counts: { readonly total: number; readonly active: number }
  /** Every registered route, for tests that cover them all. */
  readonly routes: readonly { readonly method: string; readonly path: string }[]
}

/** The HTTP endpoint and the console, on one loopback port. */
export async function createServer(dependencies: ServerDependencies): Promise<SwitchboardServer> {
  const limits: ServerLimits = { ...DEFAULT_LIMITS, ...dependencies.limits }
  const metrics = new Metrics()
  const open = new OpenReplies(dependencies.keys, limits, dependencies.capacity ?? (() => limits.connections))
  const keepAlive = new KeepAlive(limits.keepAliveCommentMs)
  let hosts: ReadonlySet<string> = new Set()
  let url: string | null = null

  const app = fastify({
    logger: false,
    bodyLimit: limits.bodyBytes,
    trustProxy: false,
    genReqId: () => ulid(),
    return503OnClosing: false,
    rewriteUrl: (request) => decodableTarget(request.url ?? '/'),
    routerOptions: { caseSensitive: true, ignoreTrailingSlash: false, ignoreDuplicateSlashes: false },
    clientErrorHandler: (failure, socket) => answerClientError(failure, socket, limits),
    serverFactory: (handler) => createListener(handler, limits, () => hosts),
  })
  app.decorateRequest('principal', null)
  const routes = new RouteTable(app)
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) => {
    try {
      done(null, parseStrictJson(Buffer.isBuffer(body) ? body : Buffer.from(body)))
    } catch (thrown) {
      done(asSwitchboardError(thrown))
    }
  })
  guard(app, {
    routes,
    authentication: new Authentication(
      dependencies.keys,
      dependencies.console?.secret ?? null,
      limits.wrongKeysPerMinute,
    ),
    metrics,
  })
  answerErrors(app, dependencies)
  app.setNotFoundHandler((request, reply) => refuseUnknown(request, reply, routes))
  const { answerer, resolver, models, engines, log, version } = dependencies
  addCompletionRoutes(app, { answerer, resolver, log, limits, open, keepAlive, metrics, principalOf })
  addModelRoutes(app, { models, resolver, principalOf })
  addInformationRoutes(app, { engines, version, open, metrics, url: () => url ?? '' })
  const { console: window } = dependencies
  if (window !== null) await addConsoleFiles(app, window.directory)
  const socket = new ConsoleSocket(
    window === null ? null : { router: createConsoleRouter(window.handlers, log), secret: window.secret },
    limits,
    () => hosts,
    dependencies.log,
  )
  socket.attach(app.server)
  await app.ready()

  let closing: Promise<void> | null = null
  const close = async (drainMs: number, running: Promise<void>): Promise<void> => {
    await Promise.all([open.drain(drainMs), running])
    url = null
    socket.dispose()
    keepAlive.dispose()
    await open.dispose()
    app.server.closeIdleConnections()
    // Gives written answers time to leave, then closes the remaining connections.
    const cut = setTimeout(() => app.server.closeAllConnections(), MAX_CLOSING_MS)
    await app.close()
    clearTimeout(cut)
  }

  return {
    get url() {
      return url
    },
    get counts() {
      return open.counts
    },
    routes: routes.all(),
    async listen(port = DEFAULT_PORT) {
      try {
        await app.listen({ port, host: '127.0.0.1' })
      } catch (cause) {
        if (cause instanceof Error && 'code' in cause && cause.code === 'EADDRINUSE')
          throw new SwitchboardError('port_in_use', `Port ${port} on 127.0.0.1 is taken by another program.`, {
            cause,
            details: { port },
          })
        throw cause
      }
      const address = app.server.address()
      const taken = typeof address === 'object' && address !== null ? address.port : port
      hosts = allowedHosts(taken)
      url = `http://127.0.0.1:${taken}`
      return url
    },
    async close(drainMs, running = Promise.resolve()) {
      if (closing !== null && drainMs === 0) open.cut()
      closing ??= close(drainMs, running)
      await closing
    },
  }
}

/** Node's server with all limits set. The Host check runs before anything in Fastify. */
function createListener(handler: RequestListener, limits: ServerLimits, hosts: () => ReadonlySet<string>): Server {
  const server = createHttpServer(
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
function answerClientError(failure: Error, socket: Socket, limits: ServerLimits): void {
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

interface Guard {
  readonly routes: RouteTable
  readonly authentication: Authentication
  readonly metrics: Metrics
}

/** One hook for every path, known or not: without a key a client cannot tell which paths exist. */
function guard(app: FastifyInstance, { routes, authentication, metrics }: Guard): void {
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id).header('x-content-type-options', 'nosniff')
    if (PUBLIC_ROUTES.has(request.routeOptions.url ?? '')) return
    request.principal = await authentication.resolve(request.raw)
    // Refuse before the body is read.
    if (request.is404) refuseUnknown(request, reply, routes)
    if (request.method === 'POST') checkMediaType(request.raw)
  })
  app.addHook('onResponse', async (request, reply) =>
    metrics.answered(request.routeOptions.url ?? 'unknown', reply.statusCode),
  )
}

function answerErrors(app: FastifyInstance, { log }: Pick<ServerDependencies, 'log'>): void {
  app.setErrorHandler((thrown, request, reply) => {
    const error = asSwitchboardError(thrown)
    if (error.code === 'internal')
      log.error(
        { requestId: request.id, route: request.routeOptions.url ?? 'unknown', error: error.cause ?? error },
        'a request failed unexpectedly',
      )
    const answer = toHttpAnswer(error)
    // Close the connection rather than read the rest of a refused body.
    if (!request.raw.complete) reply.header('connection', 'close')
    return reply.code(answer.status).headers(answer.headers).send(answer.body)
  })
}

/** @throws SwitchboardError not_found, or method_not_allowed where the path exists for other methods. */
function refuseUnknown(request: FastifyRequest, reply: FastifyReply, routes: RouteTable): never {
  const methods = routes.methodsOf(request.url)
  if (methods.length === 0 || methods.includes(request.method))
    throw new SwitchboardError('not_found', 'There is nothing at this path.')
  reply.header('allow', methods.join(', '))
  throw new SwitchboardError('method_not_allowed', `This path accepts ${methods.join(', ')}.`)
}

/** @throws SwitchboardError unauthorized on a public route, which has no principal. */
function principalOf({ principal }: FastifyRequest): Principal {
  if (principal === null) throw new SwitchboardError('unauthorized', 'no valid key came with the request')
  return principal
}
