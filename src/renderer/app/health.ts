import type { Assistant } from '../../shared/domain/assistant.ts'
import type { Job } from '../../shared/domain/job.ts'
import type { ModelSummary } from '../../shared/domain/model.ts'
import type { Settings } from '../../shared/domain/settings.ts'
import type { AppStatus, ModelStatus } from '../../shared/domain/status.ts'
import type { SerialisedError } from '../../shared/errors/switchboard-error.ts'

/** What mends an engine that is down. */
export type Mend = 'restart' | 'allow-cpu' | 'choose-model'

/** Something that somebody should do something about. */
export type Trouble =
  | {
      readonly kind: 'engine-down'
      readonly model: ModelStatus
      readonly error: SerialisedError
      readonly isDefault: boolean
      readonly mend: Mend
    }
  | { readonly kind: 'model-gone'; readonly model: string; readonly fallback: string | null }
  | { readonly kind: 'assistant-gone'; readonly fallback: string | null }
  | { readonly kind: 'jobs-interrupted'; readonly jobs: readonly Job[] }

export interface HealthFacts {
  readonly status: AppStatus | null
  readonly settings: Settings
  /** Null while they are not loaded: nothing is called gone before it was looked for. */
  readonly models: readonly ModelSummary[] | null
  readonly assistants: readonly Assistant[] | null
  readonly jobs: readonly Job[] | null
}

/** Errors no restart mends: the files are missing, or not fit to answer. */
const modelFaults: readonly SerialisedError['code'][] = [
  'model_not_found',
  'model_corrupt',
  'model_unsupported',
  'model_incompatible',
  'invalid_safetensors',
  'tokenizer_invalid',
  'template_invalid',
]

function mendOf(error: SerialisedError, settings: Settings): Mend {
  if (error.code === 'provider_unavailable' && !settings.providers.allowCpu) return 'allow-cpu'
  return modelFaults.includes(error.code) ? 'choose-model' : 'restart'
}

/** Everything wrong now, worst first. */
export function troublesOf({ status, settings, models, assistants, jobs }: HealthFacts): readonly Trouble[] {
  const troubles: Trouble[] = []
  for (const model of status?.models ?? []) {
    if (model.state.kind !== 'failed') continue
    const { error } = model.state
    const isDefault = model.model === status?.defaultModel
    troubles.push({ kind: 'engine-down', model, error, isDefault, mend: mendOf(error, settings) })
  }
  if (status && models && !models.some(({ name }) => name === settings.defaultModel)) {
    const fallback = models.find(({ name }) => name === status.defaultModel) ?? models[0]
    troubles.push({ kind: 'model-gone', model: settings.defaultModel, fallback: fallback?.name ?? null })
  }
  if (assistants && !assistants.some(({ id }) => id === settings.defaultAssistantId))
    troubles.push({ kind: 'assistant-gone', fallback: assistants.find(({ builtIn }) => builtIn)?.name ?? null })
  const interrupted = jobs?.filter(({ state }) => state.kind === 'interrupted') ?? []
  if (interrupted.length > 0) troubles.push({ kind: 'jobs-interrupted', jobs: interrupted })
  // The default model first: it is what customers get.
  return troubles.toSorted((a, b) => urgency(a) - urgency(b))
}

function urgency(trouble: Trouble): number {
  if (trouble.kind === 'engine-down') return trouble.isDefault ? 0 : 1
  return { 'model-gone': 2, 'assistant-gone': 3, 'jobs-interrupted': 4 }[trouble.kind]
}
