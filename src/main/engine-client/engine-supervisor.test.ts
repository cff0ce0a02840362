import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { greedy } from '../../shared/contracts/engine.fixture.ts'
import { Emitter } from '../../shared/base/emitter.ts'
import type {
  EngineCommand,
  EngineModel,
  GenerateRequest,
  GenerationEvent,
  RequestOutput,
} from '../../shared/contracts/engine.ts'
import { fakeLoadedModel } from '../../shared/contracts/engine.fake.ts'
import type { LoadedModel } from '../../shared/domain/engine.ts'
import type { ChildExit, ChildProcessHandle } from '../platform/child-process.ts'
import { EngineSupervisor } from './engine-supervisor.ts'

/** A process scripted by the test. */
class ScriptedProcess implements ChildProcessHandle {
  readonly received: EngineCommand[] = []
  readonly kills: string[] = []
  /** It waits for a driver and does not react, not even to SIGKILL. */
  undying = false
  readonly #messages = new Emitter<unknown>()
  readonly #exits = new Emitter<ChildExit>()
  readonly pid: number

  constructor(pid: number) {
    this.pid = pid
  }

  readonly onMessage = this.#messages.on
  readonly onExit = this.#exits.on

  send(message: unknown): void {
    const command = message as EngineCommand
    this.received.push(command)
    if (command.kind === 'shutdown' && !this.undying) this.exit(0)
  }

  say(message: unknown): void {
    this.#messages.emit(message)
  }

  output(...outputs: RequestOutput[]): void {
    this.say({ kind: 'outputs', outputs })
  }

  load(changes: Partial<LoadedModel> = {}): void {
    this.say({ kind: 'hello', runtimeVersion: '1' })
    this.say({ kind: 'loaded', loaded: { ...fakeLoadedModel, ...changes }, stats })
  }

  exit(code: number | null, signal: string | null = null, garbage: string | null = null): void {
    this.#exits.emit({ code, signal, garbage })
  }

  kill(signal: NodeJS.Signals = 'SIGKILL'): void {
    this.kills.push(signal)
    if (!this.undying) this.exit(null, signal)
  }

  stderrTail(): string {
    return 'last words'
  }
}

const stats = { running: 0, waiting: 0, slots: 4, freeSlots: 4, steps: 0, tokensPerSecond: 0 }
const model: EngineModel = {
  name: 'm',
  graphDirectory: '/nowhere',
  policy: { prefer: 'auto', allowCpu: true },
  limits: { slots: 4, contextLength: 100, queueRequests: 1, queueTokens: 100, prefillChunk: 16 },
  threads: 1,
}
const request = (requestId: string, promptIds: readonly number[] = [1]): GenerateRequest => ({
  requestId,
  promptIds,
  sampling: greedy,
  maxTokens: 9,
  stopIds: [],
  logprobs: null,
  promptLogprobs: null,
  cacheScope: null,
  client: 'a',
  priority: 'batch',
})
const tokens = (requestId: string, ...ids: number[]): RequestOutput => ({
  kind: 'tokens',
  requestId,
  tokens: ids.map((id) => ({ id })),
})
const done = (requestId: string, finishReason: 'stop' | 'cancelled' = 'stop'): RequestOutput => ({
  kind: 'done',
  requestId,
  finishReason,
  completionTokens: 1,
  cachedTokens: 0,
  timings: { queueMs: 0, ttftMs: 0, totalMs: 0 },
})
const never = new AbortController().signal

let processes: ScriptedProcess[]
let crashes: string[]
const latest = (): ScriptedProcess => {
  const last = processes.at(-1)
  if (last === undefined) throw new TypeError('no process was started')
  return last
}
const make = (): EngineSupervisor =>
  new EngineSupervisor({
    model,
    entry: '/engine',
    launch: () => {
      processes.push(new ScriptedProcess(100 + processes.length))
      return latest()
    },
    onCrash: ({ reason }) => crashes.push(reason),
  })
const ready = (): EngineSupervisor => {
  const supervisor = make()
  void supervisor.start()
  latest().load()
  return supervisor
}
const read = async (stream: AsyncIterable<GenerationEvent>): Promise<GenerationEvent[]> => {
  const events: GenerationEvent[] = []
  for await (const event of stream) events.push(event)
  return events
}
const outcome = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    (value) => value,
    (failure: unknown) => failure,
  )

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance'] })
  processes = []
  crashes = []
})
afterEach(() => {
  vi.useRealTimers()
})

describe('EngineSupervisor', () => {
  it('passes through starting, loading and ready', () => {
    const supervisor = make()
    const kinds: string[] = []
    supervisor.onState(({ kind }) => kinds.push(kind))
    void supervisor.start()
    latest().load()
    expect(kinds).toEqual(['starting', 'loading', 'ready'])
    expect(supervisor.state).toEqual({ kind: 'ready', loaded: fakeLoadedModel, stats, pid: 100 })
    expect(latest().received).toEqual([{ kind: 'load', model }])
  })

  it('merges tokens for a slow reader into one event', async () => {
    const supervisor = ready()
    const stream = supervisor.generate(request('a'), never)[Symbol.asyncIterator]()
    const first = stream.next()
    latest().output(tokens('a', 1))
    await first
    for (let id = 2; id < 6; id += 1) latest().output(tokens('a', id))
    latest().output(done('a'))
    expect((await stream.next()).value).toEqual(tokens('a', 2, 3, 4, 5))
    expect((await stream.next()).value).toEqual(done('a'))
    expect(await stream.next()).toMatchObject({ done: true })
    expect(supervisor.active).toBe(0)
  })

  it('cancels when the reader leaves and when the signal aborts', async () => {
    const supervisor = ready()
    const leaving = (async () => {
      for await (const _ of supervisor.generate(request('a'), never)) break
    })()
    latest().output(tokens('a', 1))
    await leaving
    const abort = new AbortController()
    const aborted = read(supervisor.generate(request('b'), abort.signal))
    await Promise.resolve()
    abort.abort()
    latest().output(done('b', 'cancelled'))
    expect(await aborted).toEqual([done('b', 'cancelled')])
    expect(latest().received.slice(1)).toMatchObject([
      { kind: 'submit' },
      { kind: 'cancel', requestId: 'a' },
      { kind: 'submit' },
      { kind: 'cancel', requestId: 'b' },
    ])
    expect(await read(supervisor.generate(request('c'), AbortSignal.abort()))).toMatchObject([
      { finishReason: 'cancelled', completionTokens: 0 },
    ])
  })

  it('delivers what came before a crash, then the crash, and replays nothing', async () => {
    const supervisor = ready()
    const events: GenerationEvent[] = []
    const reading = (async () => {
      for await (const event of supervisor.generate(request('a'), never)) events.push(event)
    })()
    await Promise.resolve()
    latest().output(tokens('a', 1))
    latest().exit(null, 'SIGSEGV')
    await expect(reading).rejects.toMatchObject({ code: 'engine_crashed', entry: { retryable: true } })
    expect(events).toEqual([tokens('a', 1)])
    expect(supervisor.state).toMatchObject({
      kind: 'restarting',
      attempt: 1,
      error: { code: 'engine_crashed', message: expect.stringContaining('SIGSEGV') as string },
    })
    await vi.advanceTimersByTimeAsync(500)
    latest().load()
    expect(supervisor.state).toMatchObject({ kind: 'ready', pid: 101 })
    expect(latest().received).toEqual([{ kind: 'load', model }])
  })

  it('waits longer after each crash and stops at the fifth within a minute', async () => {
    const supervisor = ready()
    const waits: number[] = []
    for (let crash = 1; crash < 5; crash += 1) {
      latest().exit(1)
      const before = processes.length
      let waited = 0
      while (processes.length === before && waited < 60_000) {
        await vi.advanceTimersByTimeAsync(100)
        waited += 100
      }
      waits.push(waited)
      latest().load()
    }
    expect(waits).toEqual([500, 1000, 2000, 4000])
    latest().exit(1)
    expect(supervisor.state).toMatchObject({ kind: 'failed', error: { code: 'engine_failed' } })
    await vi.advanceTimersByTimeAsync(120_000)
    expect(processes).toHaveLength(5)
    expect(await outcome(read(supervisor.generate(request('a'), never)))).toMatchObject({ code: 'engine_failed' })
    expect(crashes).toHaveLength(5)
  })

  it('kills a silent engine, and ignores time in which the machine slept', async () => {
    const supervisor = ready()
    for (let second = 0; second < 20; second += 1) {
      await vi.advanceTimersByTimeAsync(1000)
      latest().say({ kind: 'stats', stats })
    }
    expect(latest().kills).toEqual([])
    await vi.advanceTimersByTimeAsync(5600)
    expect(latest().kills).toEqual(['SIGKILL'])
    expect(supervisor.state).toMatchObject({
      kind: 'restarting',
      error: { message: expect.stringContaining('silent for 5 s') as string },
    })
  })

  it('waits longer for an engine with long steps', async () => {
    void make().start()
    latest().load({ fullStepMs: 2000 })
    await vi.advanceTimersByTimeAsync(15_000)
    expect(latest().kills).toEqual([])
    await vi.advanceTimersByTimeAsync(3000)
    expect(latest().kills).toEqual(['SIGKILL'])
  })

  it('does not retry a load that failed with a reason', async () => {
    const supervisor = make()
    const starting = outcome(supervisor.start())
    latest().say({ kind: 'hello', runtimeVersion: '1' })
    latest().say({ kind: 'loadFailed', error: { code: 'model_corrupt', message: 'model.onnx_data is damaged' } })
    expect(await starting).toMatchObject({ code: 'model_corrupt' })
    await vi.advanceTimersByTimeAsync(60_000)
    expect(processes).toHaveLength(1)
    expect(supervisor.state).toEqual({
      kind: 'failed',
      model: 'm',
      error: { code: 'model_corrupt', message: 'model.onnx_data is damaged' },
    })
  })

  it('quarantines a prompt that ended the engine twice while it ran alone', async () => {
    const supervisor = ready()
    for (let turn = 0; turn < 2; turn += 1) {
      const dying = outcome(read(supervisor.generate(request(`a${turn}`, [6, 6, 6]), never)))
      await Promise.resolve()
      latest().exit(null, 'SIGABRT')
      expect(await dying).toMatchObject({ code: 'engine_crashed' })
      await vi.advanceTimersByTimeAsync(2000)
      latest().load()
    }
    expect(await outcome(read(supervisor.generate(request('a3', [6, 6, 6]), never)))).toMatchObject({
      code: 'engine_fault',
    })
    const other = read(supervisor.generate(request('b', [6, 6]), never))
    await Promise.resolve()
    latest().output(done('b'))
    expect(await other).toHaveLength(1)
  })

  it('quarantines a prompt that failed before the engine ended itself, and not those queued behind it', async () => {
    const supervisor = ready()
    const refused = (requestId: string): RequestOutput => ({
      kind: 'failed',
      requestId,
      error: { code: 'engine_fault', message: 'the runtime refused' },
    })
    const submit = (requestId: string, promptIds: readonly number[]): Promise<unknown> =>
      outcome(read(supervisor.generate(request(requestId, promptIds), never)))
    for (let turn = 0; turn < 4; turn += 1) {
      const running = submit('running', [6, 6, 6])
      const waiting = turn < 2 ? submit('waiting', [7, 7]) : Promise.resolve({ code: 'engine_crashed' })
      await Promise.resolve()
      latest().output(refused('running'))
      latest().say({ kind: 'stats', stats })
      expect(await running).toMatchObject({ code: 'engine_fault', message: 'the runtime refused' })
      latest().exit(1)
      expect(await waiting).toMatchObject({ code: 'engine_crashed' })
      await vi.advanceTimersByTimeAsync(8000)
      latest().load()
    }
    expect(await submit('again', [6, 6, 6])).toMatchObject({
      code: 'engine_fault',
      message: expect.stringContaining('twice') as string,
    })
    const innocent = submit('innocent', [7, 7])
    await Promise.resolve()
    latest().output(done('innocent'))
    expect(await innocent).toEqual([done('innocent')])
  })

  it('quarantines a prompt whose engine sent garbage', async () => {
    const supervisor = ready()
    for (let turn = 0; turn < 2; turn += 1) {
      const dying = outcome(read(supervisor.generate(request('a', [6, 6, 6]), never)))
      await Promise.resolve()
      latest().exit(null, 'SIGKILL', 'sent 9 bytes that are no message')
      expect(await dying).toMatchObject({ code: 'engine_crashed' })
      await vi.advanceTimersByTimeAsync(2000)
      latest().load()
    }
    expect(await outcome(read(supervisor.generate(request('a', [6, 6, 6]), never)))).toMatchObject({
      code: 'engine_fault',
    })
  })

  it('gives up on a model that crashes in every load, however long each takes', async () => {
    const supervisor = make()
    const starting = outcome(supervisor.start())
    for (let load = 0; load < 5; load += 1) {
      latest().say({ kind: 'hello', runtimeVersion: '1' })
      await vi.advanceTimersByTimeAsync(70_000)
      latest().exit(null, 'SIGKILL')
      await vi.advanceTimersByTimeAsync(8000)
    }
    expect(await starting).toMatchObject({
      code: 'engine_failed',
      message: expect.stringContaining('5 times in a row before it was ready') as string,
    })
    expect(processes).toHaveLength(5)
  })

  it('ends running requests when not even a kill ends the engine', async () => {
    const supervisor = ready()
    latest().undying = true
    const reading = outcome(read(supervisor.generate(request('a'), never)))
    await vi.advanceTimersByTimeAsync(5600)
    expect(await outcome(read(supervisor.generate(request('b'), never)))).toMatchObject({ code: 'loading' })
    await vi.advanceTimersByTimeAsync(2000)
    expect(await reading).toMatchObject({ code: 'engine_crashed' })
    expect(supervisor.state).toMatchObject({ kind: 'restarting' })
    expect(await outcome(read(supervisor.generate(request('b'), never)))).toMatchObject({ code: 'loading' })
    const leaving = supervisor.dispose()
    await vi.advanceTimersByTimeAsync(5000)
    await leaving
    expect(supervisor.state).toEqual({ kind: 'off' })
  })

  it('counts as failed when a kill does not end it, until it ends after all', async () => {
    const supervisor = ready()
    latest().undying = true
    await vi.advanceTimersByTimeAsync(5600 + 2000)
    const waiting = outcome(supervisor.ready())
    await vi.advanceTimersByTimeAsync(30_000)
    expect(await waiting).toMatchObject({
      code: 'engine_failed',
      message: 'The engine of m was silent for 5 s, and did not end when it was killed.',
    })
    expect(await outcome(read(supervisor.generate(request('a'), never)))).toMatchObject({ code: 'engine_failed' })
    // Its memory is not free, so no other process was started.
    expect(processes).toHaveLength(1)
    latest().exit(null, 'SIGKILL')
    await vi.advanceTimersByTimeAsync(500)
    latest().load()
    expect(supervisor.state).toMatchObject({ kind: 'ready', pid: 101 })
  })

  it('delivers the scores of a prompt as one event', async () => {
    const supervisor = ready()
    const reading = read(supervisor.generate(request('a'), never))
    await Promise.resolve()
    const part = (...ids: number[]): RequestOutput => ({
      kind: 'prompt',
      requestId: 'a',
      tokens: ids.map((id) => ({ id })),
    })
    latest().output(part(1, 2))
    await vi.advanceTimersByTimeAsync(1)
    latest().output(part(3), part())
    await vi.advanceTimersByTimeAsync(1)
    latest().output(done('a'))
    expect(await reading).toEqual([part(1, 2, 3), done('a')])
  })

  it('kills and restarts on any invalid message, without throwing', async () => {
    const nearly = fc.oneof(
      fc.anything(),
      fc.record({
        kind: fc.constantFrom('outputs', 'loaded', 'stats', 'hello', 'loadFailed', 'surprise'),
        outputs: fc.anything(),
        stats: fc.anything(),
        loaded: fc.anything(),
        error: fc.anything(),
      }),
      fc.record({
        kind: fc.constant('outputs'),
        outputs: fc.array(
          fc.record({
            kind: fc.constantFrom('tokens', 'done', 'failed'),
            requestId: fc.constant('a'),
            tokens: fc.array(fc.record({ id: fc.oneof(fc.integer({ min: 1000 }), fc.double(), fc.constant(-1)) }), {
              minLength: 1,
            }),
          }),
          { minLength: 1 },
        ),
      }),
    )
    await fc.assert(
      fc.asyncProperty(nearly, async (message) => {
        processes = []
        const supervisor = ready()
        const reading = outcome(read(supervisor.generate(request('a'), never)))
        await Promise.resolve()
        latest().say(message)
        if (latest().kills.length > 0) {
          expect(await reading).toMatchObject({ code: 'engine_crashed' })
          expect(supervisor.state.kind).toBe('restarting')
        } else {
          // The few random messages that are valid carry no token.
          latest().output(done('a'))
          const events = await reading
          expect(events).toMatchObject([{ kind: 'done' }])
        }
        await supervisor.dispose()
      }),
      { numRuns: 500, seed: 22 },
    )
  })

  it('ends running requests when disposed', async () => {
    const supervisor = ready()
    const reading = outcome(read(supervisor.generate(request('a'), never)))
    await Promise.resolve()
    await supervisor.dispose()
    expect(await reading).toMatchObject({ code: 'draining' })
    expect(supervisor.state).toEqual({ kind: 'off' })
    expect(await outcome(read(supervisor.generate(request('b'), never)))).toMatchObject({ code: 'draining' })
  })

  it('can be disposed while waiting to restart', async () => {
    const supervisor = ready()
    latest().exit(1)
    const waiting = outcome(supervisor.ready())
    await supervisor.dispose()
    expect(await waiting).toMatchObject({ code: 'cancelled' })
    await vi.advanceTimersByTimeAsync(10_000)
    expect(processes).toHaveLength(1)
  })
})
