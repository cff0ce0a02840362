import { expect, test } from 'vitest'
import { fakeReady, fakeSecondModel, fakeStatus } from '../../../../shared/contracts/console.fake-data.ts'
import type { EngineState } from '../../../../shared/domain/engine.ts'
import { waitingFor } from './waiting-for.ts'

const status = (state: EngineState) => ({ ...fakeStatus, models: [{ ...fakeSecondModel, state }] })
const ready = fakeReady('tea-7b', 1, 1)

test.each([
  ['a loading model', status({ kind: 'loading', model: 'tea-7b' }), { kind: 'model', name: 'tea-7b', percent: null }],
  [
    'files being prepared',
    status({ kind: 'preparing', model: 'tea-7b', progress: 0.424 }),
    { kind: 'model', name: 'tea-7b', percent: 42 },
  ],
  [
    'a full engine',
    status({ ...ready, stats: { ...ready.stats, running: 8, freeSlots: 0, waiting: 7 } }),
    { kind: 'slot', running: 8, waiting: 7 },
  ],
  [
    'an engine with room',
    status({ ...ready, stats: { ...ready.stats, running: 1, freeSlots: 7 } }),
    { kind: 'first word' },
  ],
  ['a model that the status does not know', fakeStatus, { kind: 'first word' }],
  ['no status', null, { kind: 'first word' }],
] as const)('a question to %s', (_name, appStatus, expected) => {
  expect(waitingFor(appStatus, 'tea-7b')).toEqual(expected)
})

test('a conversation that names no model waits for the default one', () => {
  const loading = { ...status({ kind: 'loading', model: 'tea-7b' }), defaultModel: 'tea-7b' }
  expect(waitingFor(loading, null)).toEqual({ kind: 'model', name: 'tea-7b', percent: null })
})
