import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Principal } from '../../shared/domain/api-key.ts'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import { toHttpAnswer } from '../openai/errors.ts'
import type { Log } from '../platform/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { PUBLIC_ROUTES, type Authentication } from './authentication.ts'
import { checkMediaType } from './host-check.ts'
import { asSwitchboardError } from './http-errors.ts'
import type { RouteTable } from './route-table.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by the guard on every route that needs a key. */
    principal: Principal | null
  }
}

interface Guard {
  readonly routes: RouteTable
  readonly authentication: Authentication
  readonly metrics: Metrics
}

/** One hook for every path, known or not: without a key a client cannot tell which paths exist. */
export function addGuard(app: FastifyInstance, { routes, authentication, metrics }: Guard): void {
  app.decorateRequest('principal', null)
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

/** Answers errors and unknown paths with our error body. */
export function addErrorAnswers(app: FastifyInstance, log: Log, routes: RouteTable): void {
  app.setNotFoundHandler((request, reply) => refuseUnknown(request, reply, routes))
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
export function principalOf({ principal }: FastifyRequest): Principal {
  if (principal === null) throw new SwitchboardError('unauthorized', 'no valid key came with the request')
  return principal
}
