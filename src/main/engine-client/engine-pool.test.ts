import { describe, expect, it, vi } from 'vitest'
import { Emitter } from '../../shared/base/emitter.ts'
import type { EngineModel } from '../../shared/contracts/engine.ts'
import { FakeEngine, fakeLoadedModel } from '../../shared/contracts/engine.fake.ts'
import type { EngineState } from '../../shared/domain/engine.ts'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import { EnginePool, type ModelState } from './engine-pool.ts'
import type { EngineSupervisor } from './engine-supervisor.ts'

const stats = { running: 0, waiting: 0, slots: 4, freeSlots: 4, steps: 0, tokensPerSecond: 0, full: null }
const never = new AbortController().signal

/** The part of a supervisor the pool uses, under the test's control. */
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
            error: { code: failure.code, message: failure.message },
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
  const files = { revision: 'first' }
  const pool = new EnginePool({
    maxLoaded: options.maxLoaded ?? 2,
    prepare: async (name, onProgress, signal) => {
      prepared.push(name)
      onProgress(0.5)
      await turn()
      if (name === 'absent') throw new SwitchboardError('model_not_found', 'no model absent')
      if (signal.aborted) throw new SwitchboardError('cancelled', 'stopped')
      return { name } as EngineModel
    },
    revisionOf: () => Promise.resolve(files.revision),
    supervise: (model) => {
      const supervisor = new FakeSupervisor(model)
      supervisors.push(supervisor)
      if (options.autoFinish !== false) setImmediate(() => supervisor.finish())
      return supervisor as unknown as EngineSupervisor
    },
  })
  const changes: ModelState[] = []
  pool.onChange((change) => changes.push(change))
  return { pool, supervisors, prepared, changes, files }
}

const outcome = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    (value) => value,
    (failure: unknown) => failure,
  )

describe('EnginePool', () => {
  it('loads once for everybody who asks, and tells each step', async () => {
    const { pool, supervisors, prepared, changes } = setUp()
    const [first, second] = await Promise.all([pool.acquire('a', never), pool.acquire('a', never)])
    expect(first.engine).toBe(second.engine)
    expect([prepared, supervisors.length]).toEqual([['a'], 1])
    expect(changes.map(({ state }) => state.kind)).toEqual(['preparing', 'preparing', 'starting', 'ready'])
    expect(pool.snapshot()).toMatchObject([{ model: 'a', state: { kind: 'ready' } }])
    expect(pool.stateOf('b')).toEqual({ kind: 'off' })
  })

  it('evicts the idle model that was used longest ago, never one in use', async () => {
    const { pool, supervisors } = setUp()
    const a = await pool.acquire('a', never)
    const b = await pool.acquire('b', never)
    expect(await outcome(pool.acquire('c', never))).toMatchObject({ code: 'queue_full', retryAfterSeconds: 5 })
    b.release()
    a.release()
    a.release()
    const again = await pool.acquire('b', never)
    again.release()
    await pool.acquire('c', never)
    expect(supervisors.map(({ model, drained }) => [model.name, drained])).toEqual([
      ['a', 0],
      ['b', null],
      ['c', null],
    ])
    expect(pool.snapshot().map(({ model }) => model)).toEqual(['b', 'c'])
  })

  it('loads afresh when other files came under the same name, and never for a caller who looked too early', async () => {
    const { pool, supervisors, files } = setUp()
    const before = await pool.acquire('a', never, 'first')
    files.revision = 'second'
    const [after, also] = await Promise.all([pool.acquire('a', never, 'second'), pool.acquire('a', never, 'second')])
    expect(after.engine).not.toBe(before.engine)
    expect(also.engine).toBe(after.engine)
    expect(supervisors.map(({ drained }) => drained)).toEqual([10_000, null])
    expect(await outcome(pool.acquire('a', never, 'first'))).toMatchObject({ code: 'loading' })
    expect((await pool.acquire('a', never, 'second')).engine).toBe(after.engine)
  })

  it('says `loading` when all places are taken and one is still on its way', async () => {
    const { pool, supervisors } = setUp({ maxLoaded: 1, autoFinish: false })
    const waiting = pool.acquire('a', never)
    expect(await outcome(pool.acquire('b', never))).toMatchObject({ code: 'loading', retryAfterSeconds: 5 })
    while (supervisors.length === 0) await turn()
    supervisors[0]?.finish()
    expect((await waiting).engine.loaded.model).toBe('a')
  })

  it('stops waiting on abort while the load goes on for others', async () => {
    const { pool, supervisors } = setUp({ autoFinish: false })
    const abort = new AbortController()
    const leaving = outcome(pool.acquire('a', abort.signal))
    const staying = pool.acquire('a', never)
    abort.abort()
    expect(await leaving).toMatchObject({ code: 'cancelled' })
    while (supervisors.length === 0) await turn()
    supervisors[0]?.finish()
    const lease = await staying
    lease.release()
    expect(await outcome(pool.acquire('a', abort.signal))).toMatchObject({ code: 'cancelled' })
  })

  it('tells a failed preparation and tries it again when asked again', async () => {
    const { pool, prepared, changes } = setUp()
    expect(await outcome(pool.acquire('absent', never))).toMatchObject({ code: 'model_not_found' })
    expect(changes.at(-1)).toMatchObject({
      model: 'absent',
      state: { kind: 'failed', error: { code: 'model_not_found' } },
    })
    await outcome(pool.acquire('absent', never))
    expect(prepared).toEqual(['absent', 'absent'])
  })

  it('keeps a failed load and its reason until it is restarted', async () => {
    const { pool, supervisors } = setUp({ autoFinish: false })
    const failing = outcome(pool.acquire('a', never))
    while (supervisors.length === 0) await turn()
    supervisors[0]?.finish(new SwitchboardError('out_of_memory', 'too large'))
    expect(await failing).toMatchObject({ code: 'out_of_memory' })
    expect(await outcome(pool.acquire('a', never))).toMatchObject({ code: 'out_of_memory' })
    expect(pool.stateOf('a')).toMatchObject({ kind: 'failed' })
    const restarted = pool.restart('a')
    while (supervisors.length === 1) await turn()
    supervisors[1]?.finish()
    await restarted
    expect(pool.stateOf('a')).toMatchObject({ kind: 'ready' })
  })

  it('tries a model again that had found too little memory, but not with every request', async () => {
    vi.useFakeTimers({ toFake: ['performance'] })
    try {
      const { pool, supervisors } = setUp({ autoFinish: false })
      const failing = outcome(pool.acquire('a', never))
      while (supervisors.length === 0) await turn()
      supervisors[0]?.finish(new SwitchboardError('out_of_memory', 'too large now'))
      expect(await failing).toMatchObject({ code: 'out_of_memory' })
      vi.advanceTimersByTime(29_000)
      expect(await outcome(pool.acquire('a', never))).toMatchObject({ code: 'out_of_memory' })
      vi.advanceTimersByTime(1000)
      const again = pool.acquire('a', never)
      while (supervisors.length === 1) await turn()
      supervisors[1]?.finish()
      expect((await again).engine.loaded.model).toBe('a')
    } finally {
      vi.useRealTimers()
    }
  })

  it('loads beside nobody whose memory is not free yet', async () => {
    const { pool, supervisors } = setUp()
    const { release } = await pool.acquire('a', never)
    release()
    let gone = (): void => undefined
    if (supervisors[0] !== undefined)
      supervisors[0].drain = () =>
        new Promise((resolve) => {
          gone = resolve
        })
    const unloading = pool.unload('a')
    const loading = pool.acquire('a', never)
    for (let patience = 0; patience < 10; patience += 1) await turn()
    expect(supervisors).toHaveLength(1)
    gone()
    await unloading
    expect((await loading).engine.loaded.model).toBe('a')
  })

  it('unloads on request and drains everything at the end', async () => {
    const { pool, supervisors, changes } = setUp()
    await pool.acquire('a', never)
    await pool.acquire('b', never)
    await pool.unload('a')
    expect(changes.at(-1)).toEqual({ model: 'a', state: { kind: 'off' } })
    await pool.drain(5000)
    expect(supervisors.map(({ drained }) => drained)).toEqual([10_000, 5000])
    expect(await outcome(pool.acquire('a', never))).toMatchObject({ code: 'draining' })
    expect(pool.snapshot()).toEqual([])
  })
})
