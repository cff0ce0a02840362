import type { FastifyInstance } from 'fastify'
import type { ModelBody } from '../../shared/contracts/openai.ts'
import type { EngineState } from '../../shared/domain/engine.ts'
import type { ModelSummary } from '../../shared/domain/model.ts'
import { revive, SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { OpenReplies } from '../openai/open-replies.ts'
import { openApiDocument } from './openapi.ts'
import type { ServerDependencies } from './ports.ts'

export interface InformationContext {
  readonly dependencies: Pick<ServerDependencies, 'models' | 'engine' | 'version'>
  readonly open: OpenReplies
  readonly metrics: Metrics
  /** Address of this server, known once it listens. */
  readonly url: () => string
}

/** Everything that only tells: models, health, metrics and the description of the endpoint itself. */
export function addInformationRoutes(app: FastifyInstance, context: InformationContext): void {
  const { models, engine, version } = context.dependencies
  app.get('/v1/models', async () => ({ object: 'list', data: (await models.list()).map(toModelBody) }))
  app.get<{ Params: { id: string } }>('/v1/models/:id', async (request) => {
    const found = (await models.list()).find((model) => model.name === request.params.id)
    if (found === undefined)
      throw new SwitchboardError('model_not_found', 'There is no model of this name.', { param: 'model' })
    return toModelBody(found)
  })
  app.get('/health', async (_request, reply) => {
    const health = context.open.draining ? { alive: false, status: 'draining' } : healthOf(engine.state)
    return await reply
      .code(health.alive ? 200 : 503)
      .header('cache-control', 'no-store')
      .send({ status: health.status })
  })
  app.get('/ready', async () => {
    if (context.open.draining) throw new SwitchboardError('draining', 'The endpoint is closing.')
    assertReady(engine.state)
    return { status: 'ready' }
  })
  app.get('/metrics', async (_request, reply) => {
    const text = await context.metrics.text(engine.state, context.open.counts.active)
    return await reply.header('content-type', context.metrics.contentType).send(text)
  })
  app.get('/openapi.json', async () => openApiDocument(version, context.url()))
}

function toModelBody(model: ModelSummary): ModelBody {
  return {
    id: model.name,
    object: 'model',
    created: Math.floor(model.createdAt / 1000),
    owned_by: 'switchboard',
    context_length: model.contextLength,
    family: model.family,
    precision: model.precision,
  }
}

/**
 * Alive is an engine that answers, is on its way to, or was not needed yet; one that died is not, even while it is
 * being restarted.
 */
function healthOf(state: EngineState): { readonly alive: boolean; readonly status: string } {
  switch (state.kind) {
    case 'ready':
      return { alive: true, status: 'ok' }
    case 'starting':
    case 'preparing':
    case 'loading':
      return { alive: true, status: 'loading' }
    case 'off':
      return { alive: true, status: 'idle' }
    case 'restarting':
    case 'failed':
      return { alive: false, status: state.kind }
  }
}

function assertReady(state: EngineState): void {
  switch (state.kind) {
    case 'ready':
      return
    case 'failed': {
      // The reason, always as a 503: a damaged file is no fault of whoever asks here.
      const reason = revive(state.error)
      throw reason.entry.httpStatus === 503 ? reason : new SwitchboardError('engine_failed', reason.message)
    }
    case 'restarting':
      throw new SwitchboardError('engine_crashed', 'The engine stopped and is being restarted.')
    case 'off':
    case 'starting':
    case 'preparing':
    case 'loading':
      throw new SwitchboardError('loading', 'The model is not loaded yet.')
  }
}
