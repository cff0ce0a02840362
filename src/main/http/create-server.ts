import fastify from 'fastify'
import { ulid } from 'ulid'
import type { Listen } from '../../shared/base/emitter.ts'
import type { ModelSummary } from '../../shared/domain/model.ts'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import type { Answerer } from '../answering/answer.ts'
import type { Resolver } from '../catalog/resolver.ts'
import type { ConsoleHandlers } from '../console/console-handlers.ts'
import { createConsoleRouter } from '../console/console-router.ts'
import { addCompletionRoutes } from '../openai/completion-routes.ts'
import { addModelRoutes } from '../openai/model-routes.ts'
import { OpenReplies } from '../openai/open-replies.ts'
import { KeepAlive } from '../openai/sse-writer.ts'
import { parseStrictJson } from '../openai/strict-json.ts'
import type { Log } from '../platform/log.ts'
import type { EngineOverview } from '../telemetry/engine-overview.ts'
import { Metrics } from '../telemetry/metrics.ts'
import { Authentication, type KeyAuthority } from './authentication.ts'
import { addConsoleFiles } from './console-files.ts'
import { ConsoleSocket } from './console-socket.ts'
import { addErrorAnswers, addGuard, principalOf } from './guard.ts'
import { allowedHosts, decodableTarget } from './host-check.ts'
import { asSwitchboardError } from './http-errors.ts'
import { addInformationRoutes } from './information-routes.ts'
import { answerClientError, createListener } from './listener.ts'
import { RouteTable } from './route-table.ts'
import { DEFAULT_LIMITS, type ServerLimits } from './server-limits.ts'

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
   * Refuses new requests with `draining`, gives open replies `drainMs` to finish, ends the rest with an error, and
   * closes. A second call with `drainMs` 0 ends them at once.
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
  const routes = new RouteTable(app)
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) => {
    try {
      done(null, parseStrictJson(Buffer.isBuffer(body) ? body : Buffer.from(body)))
    } catch (thrown) {
      done(asSwitchboardError(thrown))
    }
  })
  addGuard(app, {
    routes,
    authentication: new Authentication(
      dependencies.keys,
      dependencies.console?.secret ?? null,
      limits.wrongKeysPerMinute,
    ),
    metrics,
  })
  addErrorAnswers(app, dependencies.log, routes)
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
