import { expect, test } from 'vitest'
import {
  fakeJobs,
  fakeModels,
  fakeModelStatus,
  fakeSecondModel,
  fakeStatus,
} from '../../shared/contracts/console.fake-data.ts'
import type { Assistant } from '../../shared/domain/assistant.ts'
import { defaultSettings } from '../../shared/domain/settings.ts'
import type { ModelStatus } from '../../shared/domain/status.ts'
import type { ErrorCode } from '../../shared/errors/catalogue.ts'
import { troublesOf, type HealthFacts } from './health.ts'

const webShop = { id: 'web-shop', name: 'Web shop', builtIn: true } as Assistant
const healthy: HealthFacts = {
  status: { ...fakeStatus, models: [fakeModelStatus, fakeSecondModel] },
  settings: defaultSettings,
  models: fakeModels,
  assistants: [webShop],
  jobs: [],
}
const failed = (model: ModelStatus, code: ErrorCode): ModelStatus => ({
  ...model,
  state: { kind: 'failed', model: model.model, error: { code, message: 'gone' } },
})

test('nothing is wrong where everything answers, nor before anything is known', () => {
  expect(troublesOf(healthy)).toEqual([])
  expect(troublesOf({ ...healthy, status: null, models: null, assistants: null, jobs: null })).toEqual([])
})

test.each([
  ['engine_failed', true, 'restart'],
  ['provider_unavailable', true, 'restart'],
  ['provider_unavailable', false, 'allow-cpu'],
  ['model_not_found', true, 'choose-model'],
  ['template_invalid', false, 'choose-model'],
] as const)('%s with the CPU allowed: %s is mended by %s', (code, allowCpu, mend) => {
  const facts = {
    ...healthy,
    status: { ...fakeStatus, models: [failed(fakeModelStatus, code)] },
    settings: { ...defaultSettings, providers: { prefer: 'auto' as const, allowCpu } },
  }
  expect(troublesOf(facts)).toMatchObject([{ kind: 'engine-down', isDefault: true, mend }])
})

test('the default model comes before other models, defaults that are gone, and interrupted work', () => {
  const troubles = troublesOf({
    ...healthy,
    status: {
      ...fakeStatus,
      models: [failed(fakeSecondModel, 'engine_failed'), failed(fakeModelStatus, 'engine_failed')],
    },
    settings: { ...defaultSettings, defaultModel: 'tea-13b', defaultAssistantId: 'removed' },
    jobs: fakeJobs(0),
  })
  expect(troubles.map((trouble) => (trouble.kind === 'engine-down' ? trouble.model.model : trouble.kind))).toEqual([
    'demo',
    'tea-7b',
    'model-gone',
    'assistant-gone',
    'jobs-interrupted',
  ])
})

test('what answers instead of a default that is gone is named; without a model nothing does', () => {
  const settings = { ...defaultSettings, defaultModel: 'tea-13b', defaultAssistantId: 'removed' }
  expect(troublesOf({ ...healthy, settings })).toEqual([
    { kind: 'model-gone', model: 'tea-13b', fallback: 'demo' },
    { kind: 'assistant-gone', fallback: 'Web shop' },
  ])
  expect(troublesOf({ ...healthy, settings, models: [], assistants: [] })).toEqual([
    { kind: 'model-gone', model: 'tea-13b', fallback: null },
    { kind: 'assistant-gone', fallback: null },
  ])
})
