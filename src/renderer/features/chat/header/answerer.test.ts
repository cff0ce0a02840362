import { expect, test } from 'vitest'
import { fakeModels, fakeModelStatus, fakeStatus } from '../../../../shared/contracts/console.fake-data.ts'
import type { Assistant } from '../../../../shared/domain/assistant.ts'
import { answererOf, readinessOf, type Catalog, type Choice } from './answerer.ts'

const assistant = (id: string, model: string | null): Assistant => ({
  id,
  name: id,
  model,
  systemPrompt: '',
  parameters: {},
  version: 1,
  publishedVersion: null,
  builtIn: false,
  createdAt: 0,
  updatedAt: 0,
})
const shop = assistant('shop', null)
const tea = assistant('tea', 'tea-7b')
const orphan = assistant('orphan', 'removed')
const [demo, teaModel] = fakeModels
const catalog: Catalog = {
  assistants: [shop, tea, orphan],
  models: fakeModels,
  defaultModel: 'demo',
  defaultAssistantId: 'tea',
}

test.each<readonly [string, Choice, ReturnType<typeof answererOf>]>([
  [
    'a new conversation gets the default assistant',
    { assistantId: undefined, model: null },
    { kind: 'assistant', assistant: tea, model: teaModel },
  ],
  [
    'an assistant without a model takes the default model',
    { assistantId: 'shop', model: null },
    { kind: 'assistant', assistant: shop, model: demo },
  ],
  [
    'a model chosen for the conversation goes before that of the assistant',
    { assistantId: 'tea', model: 'demo' },
    { kind: 'assistant', assistant: tea, model: demo },
  ],
  ['no assistant', { assistantId: null, model: 'tea-7b' }, { kind: 'model', model: teaModel }],
  ['no assistant and no model', { assistantId: null, model: null }, { kind: 'model', model: demo }],
  ['an assistant that was removed', { assistantId: 'x', model: null }, { kind: 'assistant gone' }],
  ['a model that was removed', { assistantId: null, model: 'x' }, { kind: 'model gone', name: 'x', assistant: null }],
  [
    'an assistant whose model was removed',
    { assistantId: 'orphan', model: null },
    { kind: 'model gone', name: 'removed', assistant: orphan },
  ],
])('%s', (_name, choice, answerer) => {
  expect(answererOf(choice, catalog)).toEqual(answerer)
})

test('a default assistant that is gone falls back to the first one', () => {
  expect(answererOf({ assistantId: undefined, model: null }, { ...catalog, defaultAssistantId: 'x' })).toEqual({
    kind: 'assistant',
    assistant: shop,
    model: demo,
  })
})

test('the dot tells a loaded model from one that loads, failed or waits to be loaded', () => {
  const model = demo
  const withState = (state: typeof fakeModelStatus.state) => ({
    ...fakeStatus,
    models: [{ ...fakeModelStatus, state }],
  })
  expect([
    readinessOf(model, fakeStatus),
    readinessOf(model, withState({ kind: 'loading', model: 'demo' })),
    readinessOf(
      model,
      withState({ kind: 'failed', model: 'demo', error: { code: 'engine_failed', message: 'It ended.' } }),
    ),
    readinessOf(model, withState({ kind: 'off' })),
    readinessOf(model, { ...fakeStatus, models: [] }),
    readinessOf(model, null),
  ]).toEqual(['loaded', 'loading', 'failed', 'idle', 'idle', 'idle'])
})
