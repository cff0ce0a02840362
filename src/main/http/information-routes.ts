import type { FastifyInstance } from 'fastify'
import type { EngineState } from '../../shared/domain/engine.ts'
import { revive, SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import type { OpenReplies } from '../openai/open-replies.ts'
import { overallState, type EngineOverview } from '../telemetry/engine-overview.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { openApiDocument } from './openapi.ts'

export interface InformationContext {
  readonly engines: () => EngineOverview
  readonly version: string
  readonly open: Pick<OpenReplies, 'draining' | 'counts'>
  readonly metrics: Metrics
  /** URL of this server, known once it listens. */
  readonly url: () => string
}

/** Health, readiness, metrics and the OpenAPI document. */
export function addInformationRoutes(
  app: FastifyInstance,
  { engines, version, open, metrics, url }: InformationContext,
): void {
  app.get('/health', async (_request, reply) => {
    const health = open.draining ? { alive: false, status: 'draining' } : healthOf(overallState(engines()))
    return await reply
      .code(health.alive ? 200 : 503)
      .header('cache-control', 'no-store')
      .send({ status: health.status })
  })
  app.get('/ready', async () => {
    if (open.draining) throw new SwitchboardError('draining', 'The endpoint is closing.')
    assertReady(overallState(engines()))
    return { status: 'ready' }
  })
  app.get('/metrics', async (_request, reply) => {
    const text = await metrics.text(engines().all, open.counts.active)
    return await reply.header('content-type', metrics.contentType).send(text)
  })
  app.get('/openapi.json', async () => openApiDocument(version, url()))
}

/**
 * An engine counts as alive when it is ready, loading or not needed yet, but not after a crash, even while restarting.
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
      // Always a 503: a damaged file is not the client's fault.
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
