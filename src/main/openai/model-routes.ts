import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { ModelBody } from '../../shared/contracts/openai.ts'
import type { Principal } from '../../shared/domain/api-key.ts'
import { callName } from '../../shared/domain/assistant.ts'
import type { ModelSummary } from '../../shared/domain/model.ts'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import type { PublishedAssistant, Resolver } from '../catalog/resolver.ts'

export interface ModelRoutesContext {
  readonly models: { list(): Promise<readonly ModelSummary[]> }
  readonly resolver: Pick<Resolver, 'published' | 'forProgram'>
  readonly principalOf: (request: FastifyRequest) => Principal
}

/** Lists the valid values of `model`: names of models, then call names of published assistants. */
export function addModelRoutes(app: FastifyInstance, { models, resolver, principalOf }: ModelRoutesContext): void {
  /** A key bound to an assistant sees only that assistant. */
  const list = async ({ assistantId }: Principal): Promise<readonly ModelBody[]> => {
    const [all, published] = await Promise.all([models.list(), resolver.published()])
    const names = new Set(all.map(({ name }) => name))
    const visible = published.filter(({ assistant }) => assistantId === null || assistant.id === assistantId)
    const assistants = await Promise.all(visible.map(async (one) => ({ one, base: await baseOf(one, all, resolver) })))
    return [
      ...(assistantId === null ? all.map(modelBody) : []),
      ...assistants.flatMap(({ one, base }) =>
        base === null || names.has(callName(one.values.name)) ? [] : [assistantBody(one, base)],
      ),
    ]
  }
  app.get('/v1/models', async (request) => ({ object: 'list', data: await list(principalOf(request)) }))
  app.get<{ Params: { id: string } }>('/v1/models/:id', async (request) => {
    const { id } = request.params
    const found = (await list(principalOf(request))).find((body) => body.id === id || body.id === callName(id))
    if (found === undefined)
      throw new SwitchboardError('model_not_found', 'there is no model and no published assistant of this name', {
        param: 'model',
      })
    return found
  })
}

/** The model an assistant answers with; null when it was removed. */
async function baseOf(
  { assistant }: PublishedAssistant,
  all: readonly ModelSummary[],
  resolver: Pick<Resolver, 'forProgram'>,
): Promise<ModelSummary | null> {
  const name = await resolver.forProgram(null, assistant.id).then(
    ({ target }) => target.model.name,
    () => null,
  )
  return all.find((model) => model.name === name) ?? null
}

function modelBody(model: ModelSummary): ModelBody {
  return {
    id: model.name,
    object: 'model',
    created: Math.floor(model.createdAt / 1000),
    owned_by: 'switchboard',
    context_length: model.contextLength,
    family: model.family,
    precision: model.precision,
    parent: null,
  }
}

function assistantBody({ assistant, version }: PublishedAssistant, base: ModelSummary): ModelBody {
  return {
    ...modelBody(base),
    id: callName(assistant.name),
    created: Math.floor(assistant.createdAt / 1000),
    parent: base.name,
    assistant: { name: assistant.name, version },
  }
}
