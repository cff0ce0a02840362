import { expect, test } from 'vitest'
import { FakeEngine } from '../../shared/contracts/engine.fake.ts'
import { serialise, SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import { RepairingEngines } from './repairing-engines.ts'

const damage = (file: string): SwitchboardError =>
  new SwitchboardError('model_corrupt', `${file} is damaged`, { details: { file } })

/** Engines over a graph that is whole after this many repairs, and what was done to it. */
function engines(
  failure: SwitchboardError,
  repairs: number,
  onceLoaded = false,
): { readonly repairing: RepairingEngines; readonly done: string[]; damageAgain(): void } {
  const engine = new FakeEngine({ reply: () => ({ tokens: [] }) })
  const done: string[] = []
  let left = repairs
  let distrusted = false
  const repairing = new RepairingEngines({
    engines: {
      acquire: async () => {
        if (left > 0 && !onceLoaded) throw failure
        return { engine, release: () => done.push('release') }
      },
      stateOf: (model) => (left > 0 ? { kind: 'failed', model, error: serialise(failure) } : { kind: 'off' }),
      unload: async (model) => {
        if (distrusted) left -= 1
        done.push(`unload ${model}`)
      },
    },
    distrustGraph: async (model) => {
      distrusted = true
      done.push(`distrust ${model}`)
    },
    onRepair: ({ model, file }) => done.push(`repair ${model} ${file}`),
  })
  return {
    repairing,
    done,
    damageAgain: () => {
      left = 1
    },
  }
}
const never = (): AbortSignal => new AbortController().signal
const repair = ['repair shop model.onnx_data', 'distrust shop', 'unload shop']

test('a damaged graph is built again for all who wait, and again when it is damaged anew', async () => {
  const { repairing, done, damageAgain } = engines(damage('model.onnx_data'), 1)
  await Promise.all([repairing.acquire('shop', never()), repairing.acquire('shop', never())])
  expect(done).toEqual(repair)
  damageAgain()
  await repairing.acquire('shop', never())
  expect(done).toEqual([...repair, ...repair])
})

test('a graph that is damaged when a crashed engine comes back is built again', async () => {
  const { repairing, done } = engines(damage('model.onnx'), 1, true)
  await repairing.acquire('shop', never())
  expect(done).toEqual(['release', 'repair shop model.onnx', 'distrust shop', 'unload shop'])
})

test('what a repair does not help is told, and tried once', async () => {
  const failure = damage('model.onnx_data')
  const { repairing, done } = engines(failure, 9)
  for (let count = 0; count < 3; count += 1) await expect(repairing.acquire('shop', never())).rejects.toBe(failure)
  expect(done).toEqual(repair)
})

test.each([
  damage('model.safetensors'),
  new SwitchboardError('out_of_memory', 'too large', { details: { file: 'model.onnx' } }),
])('%s is nothing to repair', async (failure) => {
  const { repairing, done } = engines(failure, 1)
  await expect(repairing.acquire('shop', never())).rejects.toBe(failure)
  expect(done).toEqual([])
})
