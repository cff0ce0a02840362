import { describe, expect, it, vi } from 'vitest'
import { Emitter } from '../../shared/base/emitter.ts'
import type { EngineModel } from '../../shared/contracts/engine.ts'
import { FakeEngine, fakeLoadedModel } from '../../shared/contracts/engine.fake.ts'
import type { EngineState } from '../../shared/domain/engine.ts'
import { engineKey, type Target } from '../../shared/domain/target.ts'
import { serialise, SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import { EnginePool, type ModelState } from './engine-pool.ts'
import type { EngineSupervisor } from './engine-supervisor.ts'

const stats = { running: 0, waiting: 0, slots: 4, freeSlots: 4, steps: 0, tokensPerSecond: 0 }
const never = new AbortController().signal

const target = (name: string, contentHash = 'first'): Target => ({
  name,
  model: { name, version: 1, precision: 'fp32', contentHash },
  adapters: [],
  assistant: null,
  where: { kind: 'local' },
  fingerprint: 'fp_0123456789ab',
})
const [a, b, c, absent] = ['a', 'b', 'c', 'absent'].map((name) => target(name)) as [Target, Target, Target, Target]

/** The part of a supervisor that the pool uses, controlled by the test. */
class FakeSupervisor extends FakeEngine {
  readonly #states = new Emitter<EngineState>()
  readonly onState = this.#states.on
  readonly model: EngineModel
  drained: number | null = null
  #finish: (failure: SwitchboardError | null) => void = () => undefined

  constructor(model: EngineModel) {
    super({ loaded: { model: model.name } })
    this.model = model
  }

  start(): Promise<void> {
    this.#states.emit({ kind: 'starting', model: this.model.name })
    return new Promise((resolve, reject) => {
      this.#finish = (failure) => {
        if (failure !== null) {
          this.#states.emit({
            kind: 'failed',
            model: this.model.name,
            error: serialise(failure),
          })
          reject(failure)
          return
        }
        this.#states.emit({ kind: 'ready', loaded: { ...fakeLoadedModel, model: this.model.name }, stats, pid: 1 })
        resolve()
      }
    })
  }

  finish(failure: SwitchboardError | null = null): void {
    this.#finish(failure)
  }

  /** Fails after it was loaded, like an engine whose graph is damaged when it restarts after a crash. */
  fail(failure: SwitchboardError): void {
    this.#states.emit({ kind: 'failed', model: this.model.name, error: serialise(failure) })
  }

  drain(timeoutMs: number): Promise<void> {
    this.drained = timeoutMs
    return Promise.resolve()
  }
}

const turn = () =>
  new Promise<void>((resolve) => {
    setImmediate(resolve)
  })

const setUp = (options: { readonly maxLoaded?: number; readonly autoFinish?: boolean } = {}) => {
  const supervisors: FakeSupervisor[] = []
  const prepared: string[] = []
  const distrusted: string[] = []
  /** Failures of the next loads, one each; later loads succeed. */
  const failures: SwitchboardError[] = []
  /** Content hash of the files on disk. */
  const files = { contentHash: 'first' }
  const pool = new EnginePool({
    maxLoaded: options.maxLoaded ?? 2,
    prepare: async ({ model: { name, contentHash } }, onProgress, signal) => {
      prepared.push(name)
      onProgress(0.5)
      await turn()
      if (name === 'absent') throw new SwitchboardError('model_not_found', 'no model absent')
      if (contentHash !== files.contentHash) throw new SwitchboardError('loading', 'the files were replaced')
      if (signal.aborted) throw new SwitchboardError('cancelled', 'stopped')
      return { name } as EngineModel
    },
    distrustGraph: ({ model }, file) => {
      distrusted.push(`${model.name} ${file}`)
      return Promise.resolve()
    },
    supervise: (model) => {
      const supervisor = new FakeSupervisor(model)
      supervisors.push(supervisor)
      if (options.autoFinish !== false) setImmediate(() => supervisor.finish(failures.shift() ?? null))
      return supervisor as unknown as EngineSupervisor
    },
  })
  const changes: ModelState[] = []
  pool.onChange((change) => changes.push(change))
  return { pool, supervisors, prepared, changes, files, distrusted, failures }
}

const damage = (file: string): SwitchboardError =>
  new SwitchboardError('model_corrupt', `${file} is damaged`, { details: { file } })

const outcome = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    (value) => value,
    (failure: unknown) => failure,
  )

describe('EnginePool', () => {
  it('loads once for all callers, and reports each state', async () => {
    const { pool, supervisors, prepared, changes } = setUp()
    const [first, second] = await Promise.all([pool.acquire(a, never), pool.acquire(a, never)])
    expect(first.engine).toBe(second.engine)
    expect([prepared, supervisors.length]).toEqual([['a'], 1])
    expect(changes.map(({ state }) => state.kind)).toEqual(['preparing', 'preparing', 'starting', 'ready'])
    expect(pool.snapshot()).toMatchObject([{ model: 'a', state: { kind: 'ready' } }])
    expect(pool.stateOf(b)).toEqual({ kind: 'off' })
  })

  it('evicts the least recently used idle model, never one in use', async () => {
    const { pool, supervisors } = setUp()
    const first = await pool.acquire(a, never)
    const second = await pool.acquire(b, never)
    expect(await outcome(pool.acquire(c, never))).toMatchObject({ code: 'queue_full', retryAfterSeconds: 5 })
    second.release()
    first.release()
    first.release()
    const again = await pool.acquire(b, never)
    again.release()
    await pool.acquire(c, never)
    expect(supervisors.map(({ model, drained }) => [model.name, drained])).toEqual([
      ['a', 0],
      ['b', null],
      ['c', null],
    ])
    expect(pool.snapshot().map(({ model }) => model)).toEqual(['b', 'c'])
  })

  it('loads other files under the same name beside the old engine, which finishes its replies', async () => {
    const { pool, supervisors, files, changes } = setUp({ maxLoaded: 1 })
    const newer = target('a', 'second')
    const before = await pool.acquire(a, never)
    files.contentHash = 'second'
    const [after, also] = await Promise.all([pool.acquire(newer, never), pool.acquire(newer, never)])
    expect(after.engine).not.toBe(before.engine)
    expect(also.engine).toBe(after.engine)
    expect(supervisors.map(({ drained }) => drained)).toEqual([10_000, null])
    expect(pool.snapshot()).toMatchObject([{ model: 'a', key: engineKey(newer), state: { kind: 'ready' } }])
    expect(changes.filter(({ key }) => key === engineKey(a)).map(({ state }) => state.kind)).not.toContain('off')
  })

  it('keeps the engine of the newer files when a caller asks for files that are gone', async () => {
    const { pool, supervisors, files, changes } = setUp()
    files.contentHash = 'second'
    const newer = target('a', 'second')
    const lease = await pool.acquire(newer, never)
    expect(await outcome(pool.acquire(a, never))).toMatchObject({ code: 'loading' })
    expect(changes.at(-1)).toMatchObject({ key: engineKey(newer), state: { kind: 'ready' } })
    expect((await pool.acquire(newer, never)).engine).toBe(lease.engine)
    expect(supervisors.map(({ drained }) => drained)).toEqual([null])
  })

  it('has a damaged graph rebuilt once for all callers, and again when it is damaged again', async () => {
    const { pool, prepared, distrusted, failures } = setUp()
    failures.push(damage('model.onnx_data'))
    await Promise.all([pool.acquire(a, never), pool.acquire(a, never)])
    expect([prepared, distrusted]).toEqual([['a', 'a'], ['a model.onnx_data']])
    await pool.unload(engineKey(a))
    failures.push(damage('model.onnx'))
    await pool.acquire(a, never)
    expect(distrusted).toEqual(['a model.onnx_data', 'a model.onnx'])
  })

  it('has a graph rebuilt that is found damaged when a crashed engine comes back', async () => {
    const { pool, supervisors, distrusted, failures } = setUp()
    const before = await pool.acquire(a, never)
    before.release()
    supervisors[0]?.fail(damage('model.onnx'))
    failures.push(damage('model.onnx'))
    const after = await pool.acquire(a, never)
    expect(after.engine).not.toBe(before.engine)
    expect([distrusted, pool.stateOf(a).kind]).toEqual([['a model.onnx'], 'ready'])
  })

  it('reports damage that a rebuild does not mend, and rebuilds once', async () => {
    const { pool, distrusted, failures, supervisors } = setUp()
    const failure = damage('model.onnx_data')
    failures.push(failure, failure)
    for (let count = 0; count < 3; count += 1) await expect(pool.acquire(a, never)).rejects.toBe(failure)
    expect([distrusted, supervisors.length]).toEqual([['a model.onnx_data'], 2])
  })

  it.each([
    damage('model.safetensors'),
    new SwitchboardError('out_of_memory', 'too large', { details: { file: 'model.onnx' } }),
  ])('does not rebuild for %s', async (failure) => {
    const { pool, distrusted, failures } = setUp()
    failures.push(failure)
    await expect(pool.acquire(a, never)).rejects.toBe(failure)
    expect(distrusted).toEqual([])
  })

  it('answers `loading` when all processes are taken and one is still loading', async () => {
    const { pool, supervisors } = setUp({ maxLoaded: 1, autoFinish: false })
    const waiting = pool.acquire(a, never)
    expect(await outcome(pool.acquire(b, never))).toMatchObject({ code: 'loading', retryAfterSeconds: 5 })
    while (supervisors.length === 0) await turn()
    supervisors[0]?.finish()
    expect((await waiting).engine.loaded.model).toBe('a')
  })

  it('stops waiting on abort while the load goes on for others', async () => {
    const { pool, supervisors } = setUp({ autoFinish: false })
    const abort = new AbortController()
    const leaving = outcome(pool.acquire(a, abort.signal))
    const staying = pool.acquire(a, never)
    abort.abort()
    expect(await leaving).toMatchObject({ code: 'cancelled' })
    while (supervisors.length === 0) await turn()
    supervisors[0]?.finish()
    const lease = await staying
    lease.release()
    expect(await outcome(pool.acquire(a, abort.signal))).toMatchObject({ code: 'cancelled' })
  })

  it('reports a failed preparation and retries it on the next request', async () => {
    const { pool, prepared, changes } = setUp()
    expect(await outcome(pool.acquire(absent, never))).toMatchObject({ code: 'model_not_found' })
    expect(changes.at(-1)).toMatchObject({
      model: 'absent',
      state: { kind: 'failed', error: { code: 'model_not_found' } },
    })
    await outcome(pool.acquire(absent, never))
    expect(prepared).toEqual(['absent', 'absent'])
  })

  it('keeps a failed load and its reason until it is restarted', async () => {
    const { pool, supervisors } = setUp({ autoFinish: false })
    const failing = outcome(pool.acquire(a, never))
    while (supervisors.length === 0) await turn()
    supervisors[0]?.finish(new SwitchboardError('out_of_memory', 'too large'))
    expect(await failing).toMatchObject({ code: 'out_of_memory' })
    expect(await outcome(pool.acquire(a, never))).toMatchObject({ code: 'out_of_memory' })
    expect(pool.stateOf(a)).toMatchObject({ kind: 'failed' })
    const restarted = pool.restart(a)
    while (supervisors.length === 1) await turn()
    supervisors[1]?.finish()
    await restarted
    expect(pool.stateOf(a)).toMatchObject({ kind: 'ready' })
  })

  it('retries a load that lacked memory, but not with every request', async () => {
    vi.useFakeTimers({ toFake: ['performance'] })
    try {
      const { pool, supervisors } = setUp({ autoFinish: false })
      const failing = outcome(pool.acquire(a, never))
      while (supervisors.length === 0) await turn()
      supervisors[0]?.finish(new SwitchboardError('out_of_memory', 'too large now'))
      expect(await failing).toMatchObject({ code: 'out_of_memory' })
      vi.advanceTimersByTime(29_000)
      expect(await outcome(pool.acquire(a, never))).toMatchObject({ code: 'out_of_memory' })
      vi.advanceTimersByTime(1000)
      const again = pool.acquire(a, never)
      while (supervisors.length === 1) await turn()
      supervisors[1]?.finish()
      expect((await again).engine.loaded.model).toBe('a')
    } finally {
      vi.useRealTimers()
    }
  })

  it('loads only when the memory of a leaving model is free', async () => {
    const { pool, supervisors } = setUp()
    const { release } = await pool.acquire(a, never)
    release()
    let gone = (): void => undefined
    if (supervisors[0] !== undefined)
      supervisors[0].drain = () =>
        new Promise((resolve) => {
          gone = resolve
        })
    const unloading = pool.unload(engineKey(a))
    const loading = pool.acquire(a, never)
    for (let patience = 0; patience < 10; patience += 1) await turn()
    expect(supervisors).toHaveLength(1)
    gone()
    await unloading
    expect((await loading).engine.loaded.model).toBe('a')
  })

  it('unloads on request and drains everything at the end', async () => {
    const { pool, supervisors, changes } = setUp()
    await pool.acquire(a, never)
    await pool.acquire(b, never)
    await pool.unload(engineKey(a))
    expect(changes.at(-1)).toEqual({ model: 'a', version: 1, key: engineKey(a), state: { kind: 'off' } })
    await pool.drain(5000)
    expect(supervisors.map(({ drained }) => drained)).toEqual([10_000, 5000])
    expect(await outcome(pool.acquire(a, never))).toMatchObject({ code: 'draining' })
    expect(pool.snapshot()).toEqual([])
  })
})
