import type { Assistant } from '../../../../shared/domain/assistant.ts'
import type { ModelSummary } from '../../../../shared/domain/model.ts'
import type { AppStatus } from '../../../../shared/domain/status.ts'

/** What was chosen to answer in a conversation. */
export interface Choice {
  /** null: no assistant; undefined: the default one, in a conversation that is not stored yet. */
  readonly assistantId: string | null | undefined
  /** Catalog name; null takes the assistant's model, or the default model where there is no assistant. */
  readonly model: string | null
}

/** What answers in a conversation, as far as this window knows. */
export type Answerer =
  | { readonly kind: 'assistant'; readonly assistant: Assistant; readonly model: ModelSummary }
  | { readonly kind: 'model'; readonly model: ModelSummary }
  /** The assistant was removed. */
  | { readonly kind: 'assistant gone' }
  /** The model is not in the catalog; the assistant that names it, if any. */
  | { readonly kind: 'model gone'; readonly name: string; readonly assistant: Assistant | null }

/** What the answerer is found in. */
export interface Catalog {
  readonly assistants: readonly Assistant[]
  readonly models: readonly ModelSummary[]
  readonly defaultModel: string
  readonly defaultAssistantId: string
}

/** Finds what answers. A default assistant that is gone falls back to the first one, as the program does. */
export function answererOf({ assistantId, model }: Choice, catalog: Catalog): Answerer {
  const { assistants, models, defaultModel, defaultAssistantId } = catalog
  const wantedId = assistantId === undefined ? defaultAssistantId : assistantId
  const assistant =
    assistants.find(({ id }) => id === wantedId) ?? (assistantId === undefined ? (assistants[0] ?? null) : null)
  if (wantedId !== null && assistant === null) return { kind: 'assistant gone' }
  const name = model ?? assistant?.model ?? defaultModel
  const found = models.find((candidate) => candidate.name === name)
  if (!found) return { kind: 'model gone', name, assistant }
  return assistant ? { kind: 'assistant', assistant, model: found } : { kind: 'model', model: found }
}

/** What the dot beside a model says. */
export type Readiness = 'loaded' | 'loading' | 'failed' | 'idle'

/** Whether the model in use answers at once, soon, not at all, or after it was loaded. */
export function readinessOf(model: ModelSummary, status: AppStatus | null): Readiness {
  const kind = status?.models.find((candidate) => candidate.model === model.name)?.state.kind
  switch (kind) {
    case 'ready':
      return 'loaded'
    case 'starting':
    case 'preparing':
    case 'loading':
    case 'restarting':
      return 'loading'
    case 'failed':
      return 'failed'
    case 'off':
    case undefined:
      return 'idle'
  }
}
