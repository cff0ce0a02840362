import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { open, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { greedy } from '../../shared/contracts/engine.fixture.ts'
import type { EngineModel, GenerationEvent, TokenOutput } from '../../shared/contracts/engine.ts'
import type { ProcessTimings } from '../engine-client/engine-process.ts'
import type { EngineSupervisor } from '../engine-client/engine-supervisor.ts'
import { processEntry } from '../platform/process-entry.ts'
import { buildRandomModel, testModel, type BuiltModel } from './random-model.ts'
import { isAlive, never, pidOf, reply, request, stateThat, superviseEngine, type Reply } from './supervised-engine.ts'

let built: BuiltModel
const supervisors: EngineSupervisor[] = []

beforeAll(async () => {
  built = await buildRandomModel()
})
afterAll(async () => {
  await built.remove()
})
afterEach(async () => {
  for (const supervisor of supervisors.splice(0)) await supervisor.dispose()
})

const supervise = (model: EngineModel, timings: Partial<ProcessTimings> = {}): EngineSupervisor => {
  const supervisor = superviseEngine(model, timings)
  supervisors.push(supervisor)
  return supervisor
}

const started = async (
  limits: Partial<EngineModel['limits']> = {},
  timings: Partial<ProcessTimings> = {},
): Promise<EngineSupervisor> => {
  const supervisor = supervise(testModel(built.graphDirectory, limits), timings)
  await supervisor.start()
  return supervisor
}

describe('an engine process', () => {
  it('gives the same reply each time, with its finish reason', async () => {
    const engine = await started()
    const first = await reply(engine, request('a'))
    expect(first.done).toMatchObject({ finishReason: 'length', completionTokens: 40, cachedTokens: 0 })
    expect(await reply(engine, request('b')).then(({ tokens }) => tokens)).toEqual(first.tokens)
    const stopAt = first.tokens[7]?.id ?? -1
    const firstUse = first.tokens.findIndex(({ id }) => id === stopAt)
    const stopped = await reply(engine, request('c', { stopIds: [stopAt] }))
    expect(stopped.done).toMatchObject({ finishReason: 'stop', completionTokens: firstUse + 1 })
    expect(stopped.tokens).toEqual(first.tokens.slice(0, firstUse))
  })

  it('scores a prompt as decoding the same tokens does', async () => {
    const engine = await started()
    const decoded = await reply(engine, request('a', { logprobs: 3, maxTokens: 50 }))
    const promptIds = [1, 2, 3, 4, 5, ...decoded.tokens.map(({ id }) => id)]
    const scored = await reply(engine, request('b', { promptIds, maxTokens: 0, promptLogprobs: 3 }))
    expect(scored.done).toMatchObject({ finishReason: 'length', completionTokens: 0 })
    expect(scored.prompt?.map(({ id }) => id)).toEqual(promptIds.slice(1))
    const differences = decoded.tokens.map(({ logprob = 0 }, at) =>
      Math.abs(logprob - (scored.prompt?.[at + 4]?.logprob ?? 9)),
    )
    expect(Math.max(...differences)).toBeLessThan(1e-3)
  })

  it('gives each request of a batch the reply it gets alone, greedy and sampled', async () => {
    const engine = await started({ slots: 4, queueRequests: 20 })
    const asked = Array.from({ length: 10 }, (_, turn) =>
      request(`r${turn}`, {
        promptIds: Array.from({ length: 3 + turn * 11 }, (_unused, at) => (turn * 37 + at * 13) % 256),
        maxTokens: 30 + turn * 5,
        logprobs: 2,
        sampling:
          turn % 2 === 0
            ? greedy
            : { ...greedy, temperature: 0.9, topP: 0.95, topK: 40, repetitionPenalty: 1.1, seed: turn },
      }),
    )
    const alone: Reply[] = []
    for (const one of asked) alone.push(await reply(engine, { ...one, requestId: `${one.requestId}-alone` }))
    const together = await Promise.all(asked.map((one) => reply(engine, one)))
    let ties = 0
    let compared = 0
    for (const [turn, single] of alone.entries()) {
      const batched = together[turn]?.tokens ?? []
      expect(batched.length).toBe(single.tokens.length)
      for (const [at, token] of single.tokens.entries()) {
        compared += 1
        if (batched[at]?.id === token.id) continue
        const [best, second] = token.top ?? []
        // Rounding may decide only between two almost equal tokens; the replies differ from there on.
        expect((best?.logprob ?? 0) - (second?.logprob ?? -9)).toBeLessThan(1e-4)
        ties += 1
        break
      }
    }
    console.info(`batched = alone: ${compared} tokens compared, ${ties} near ties`)
    expect(compared).toBeGreaterThan(400)
  })

  it('frees the slot when the reader leaves or aborts, in every phase', async () => {
    const engine = await started({ slots: 1, queueRequests: 4 })
    const long = { maxTokens: 6000 }
    const abort = new AbortController()
    const cancelled: GenerationEvent[] = []
    const waitingAbort = new AbortController()
    let waiting: Promise<Reply> | null = null
    for await (const event of engine.generate(request('running', long), abort.signal)) {
      if (event.kind === 'tokens' && waiting === null) {
        waiting = reply(engine, request('waiting', long), waitingAbort.signal)
        await Promise.resolve()
        waitingAbort.abort()
        expect((await waiting).done).toMatchObject({ finishReason: 'cancelled', completionTokens: 0 })
        abort.abort()
      }
      if (event.kind === 'done') cancelled.push(event)
    }
    expect(cancelled).toMatchObject([{ finishReason: 'cancelled' }])
    for await (const event of engine.generate(request('left', long), never)) if (event.kind === 'tokens') break
    // During prefill: a prompt of many chunks, left before its first token.
    const prefilling = new AbortController()
    const scored = reply(
      engine,
      request('prefill', { promptIds: Array.from({ length: 6000 }, (_, at) => at % 256), maxTokens: 5 }),
      prefilling.signal,
    )
    await Promise.resolve()
    prefilling.abort()
    expect((await scored).done).toMatchObject({ finishReason: 'cancelled', completionTokens: 0 })
    expect((await reply(engine, request('next', { maxTokens: 3 }))).tokens).toHaveLength(3)
    expect(engine.active).toBe(0)
  })

  it('survives a hundred refusals, each with a time to retry', async () => {
    const engine = await started({ slots: 1, queueRequests: 0 })
    const abort = new AbortController()
    for await (const event of engine.generate(request('running', { maxTokens: 8000 }), abort.signal)) {
      if (event.kind !== 'tokens' || abort.signal.aborted) continue
      const refusals = Array.from({ length: 100 }, (_, turn) =>
        reply(engine, request(`refused${turn}`)).then(
          () => null,
          (failure: unknown) => failure,
        ),
      )
      for (const failure of await Promise.all(refusals))
        expect(failure).toMatchObject({ code: 'queue_full', retryAfterSeconds: expect.any(Number) as number })
      await expect(reply(engine, request('long', { maxTokens: 9000 }))).rejects.toMatchObject({
        code: 'context_length_exceeded',
      })
      await expect(reply(engine, request('foreign', { promptIds: [256] }))).rejects.toMatchObject({
        code: 'invalid_request',
      })
      abort.abort()
    }
    expect((await reply(engine, request('after', { maxTokens: 2 }))).tokens).toHaveLength(2)
  })

  it('that is killed mid-stream ends its replies with engine_crashed and is restarted', async () => {
    const engine = await started()
    const pid = pidOf(engine)
    const restarted = stateThat(engine, (state) => state.kind === 'ready' && state.pid !== pid)
    const seen: TokenOutput[] = []
    const streaming = (async () => {
      for await (const event of engine.generate(request('a', { maxTokens: 8000 }), never)) {
        if (event.kind !== 'tokens') continue
        if (seen.length === 0) process.kill(pid, 'SIGKILL')
        seen.push(...event.tokens)
      }
    })()
    await expect(streaming).rejects.toMatchObject({ code: 'engine_crashed' })
    expect(seen.length).toBeGreaterThan(0)
    expect(engine.state.kind).toBe('restarting')
    await expect(reply(engine, request('b'))).rejects.toMatchObject({ code: 'loading', retryAfterSeconds: 2 })
    await engine.ready()
    await restarted
    expect(pidOf(engine)).not.toBe(pid)
    expect((await reply(engine, request('c'))).tokens).toHaveLength(40)
  })

  it.skipIf(process.platform === 'win32')('that hangs is noticed, killed and restarted', async () => {
    const engine = await started({}, { silenceMs: 2000 })
    const pid = pidOf(engine)
    process.kill(pid, 'SIGSTOP')
    await expect(reply(engine, request('a'))).rejects.toMatchObject({
      code: 'engine_crashed',
      message: expect.stringContaining('silent') as string,
    })
    await engine.ready()
    expect((await reply(engine, request('b', { maxTokens: 2 }))).tokens).toHaveLength(2)
  })

  it('ends when its parent is killed', async () => {
    const script = join(built.graphDirectory, '..', 'parent.ts')
    await writeFile(
      script,
      `
      import { launchChildProcess } from ${JSON.stringify(join(import.meta.dirname, '../platform/child-process.ts'))}
      const child = launchChildProcess({ entry: ${JSON.stringify(processEntry('engine'))}, name: 'engine' })
      child.onMessage(() => console.log(child.pid))
    `,
    )
    const parent = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] })
    const [line] = (await once(parent.stdout, 'data')) as [Buffer]
    const engine = Number(line.toString())
    expect(engine).toBeGreaterThan(0)
    process.kill(parent.pid ?? -1, 'SIGKILL')
    await expect.poll(() => isAlive(engine), { timeout: 20_000 }).toBe(false)
  })

  it.skipIf(process.platform !== 'linux')('does not see the secrets in its parent’s environment', async () => {
    process.env['SWITCHBOARD_TEST_SECRET'] = 'hunter2'
    const engine = await started()
    delete process.env['SWITCHBOARD_TEST_SECRET']
    expect(await readFile(`/proc/${pidOf(engine)}/environ`, 'utf8')).not.toContain('hunter2')
  })

  it('drains: finishes running requests, refuses new ones', async () => {
    const engine = await started()
    let drained: Promise<void> | null = null
    const tokens: TokenOutput[] = []
    for await (const event of engine.generate(request('a', { maxTokens: 300 }), never)) {
      if (event.kind === 'tokens') tokens.push(...event.tokens)
      if (drained !== null) continue
      drained = engine.drain(60_000)
      await expect(reply(engine, request('b'))).rejects.toMatchObject({ code: 'draining' })
    }
    await drained
    expect(tokens).toHaveLength(300)
    expect(engine.state).toEqual({ kind: 'off' })
  })
})

describe('a model that cannot be loaded', () => {
  it('is refused with the file name when one byte of its weights is wrong, and is not retried', async () => {
    const damaged = await buildRandomModel({ maxPositions: 64 })
    const file = await open(join(damaged.graphDirectory, 'model.onnx_data'), 'r+')
    await file.write(Buffer.from([0xaa]), 0, 1, 5000)
    await file.close()
    const engine = supervise(testModel(damaged.graphDirectory))
    await expect(engine.start()).rejects.toMatchObject({
      code: 'model_corrupt',
      message: expect.stringContaining('model.onnx_data') as string,
    })
    expect(engine.state.kind).toBe('failed')
    await expect(reply(engine, request('a'))).rejects.toMatchObject({ code: 'model_corrupt' })
    await rm(join(damaged.graphDirectory, 'graph.json'))
    await expect(supervise(testModel(damaged.graphDirectory)).start()).rejects.toMatchObject({
      code: 'model_corrupt',
      message: expect.stringContaining('graph.json') as string,
    })
    await damaged.remove()
  })

  it('reports every reason when the CPU is not allowed and no GPU can be used', async () => {
    const model = { ...testModel(built.graphDirectory), policy: { prefer: 'auto', allowCpu: false } as const }
    const engine = supervise(model)
    const outcome = await engine.start().then(
      () => engine.loaded.provider,
      (failure: unknown) => failure,
    )
    // On a machine with a usable GPU the same policy loads the model.
    if (outcome === 'cuda' || outcome === 'webgpu') return
    expect(outcome).toMatchObject({
      code: 'provider_unavailable',
      message: expect.stringMatching(/CUDA: .+ WebGPU: .+ CPU: Running on the CPU is switched off/) as string,
    })
  })
})
