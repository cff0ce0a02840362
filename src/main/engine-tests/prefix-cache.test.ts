import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { greedy } from '../../shared/contracts/engine.fixture.ts'
import type { GenerateRequest, RequestOutput, TokenOutput } from '../../shared/contracts/engine.ts'
import { loadEngine, type LoadedEngine } from '../inference/load-engine.ts'
import { buildRandomModel, testModel, type BuiltModel } from './random-model.ts'

let built: BuiltModel
let loaded: LoadedEngine

beforeAll(async () => {
  built = await buildRandomModel({ maxPositions: 512 })
  loaded = await loadEngine(testModel(built.graphDirectory, { slots: 6, contextLength: 512, queueRequests: 50 }))
})
afterAll(async () => {
  loaded.decoder.dispose()
  await built.remove()
})

const ids = (length: number, seed: number): number[] =>
  Array.from({ length }, (_, at) => (at * (seed * 2 + 1) * 7 + seed * 31) % 256)

const request = (requestId: string, promptIds: readonly number[], cacheScope: string | null): GenerateRequest => ({
  requestId,
  promptIds,
  maxTokens: 40,
  stopIds: [],
  logprobs: 2,
  promptLogprobs: null,
  cacheScope,
  client: 'a',
  priority: 'batch',
  sampling: greedy,
})

interface Reply {
  readonly tokens: readonly TokenOutput[]
  readonly cachedTokens: number
}

/** All requests at once, to their end. */
function run(requests: readonly GenerateRequest[]): Reply[] {
  const { engine } = loaded
  for (const each of requests) engine.submit(each)
  const outputs: RequestOutput[] = []
  while (engine.busy) {
    engine.step()
    outputs.push(...engine.takeOutputs())
  }
  return requests.map(({ requestId }) => {
    const own = outputs.filter((output) => output.requestId === requestId)
    const done = own.find((output) => output.kind === 'done')
    return {
      tokens: own.flatMap((output) => (output.kind === 'tokens' ? output.tokens : [])),
      cachedTokens: done?.kind === 'done' ? done.cachedTokens : -1,
    }
  })
}

/** Kernels round differently for chunks of other lengths: replies may differ only where two tokens are almost equal. */
function nearTies(cached: Reply | undefined, plain: Reply | undefined): number {
  expect(cached?.tokens).toHaveLength(plain?.tokens.length ?? -1)
  for (const [at, token] of plain?.tokens.entries() ?? []) {
    if (cached?.tokens[at]?.id === token.id) continue
    const [best, second] = token.top ?? []
    expect((best?.logprob ?? 0) - (second?.logprob ?? -9)).toBeLessThan(1e-3)
    return 1
  }
  return 0
}

describe('replies with the prefix cache', () => {
  it('equal those without it: three turns, eight conversations at once under one system prompt, on the real graph', () => {
    const system = ids(70, 1)
    let prompts = Array.from({ length: 8 }, (_, turn) => [...system, ...ids(10 + turn * 5, turn + 2)])
    const asked: { readonly prompt: readonly number[]; readonly cached: Reply }[] = []
    for (let turn = 0; turn < 3; turn += 1) {
      const replies = run(prompts.map((prompt, at) => request(`cached ${turn} ${at}`, prompt, 'key')))
      prompts = replies.map((cached, at) => {
        const prompt = prompts[at] ?? []
        asked.push({ prompt, cached })
        return [...prompt, ...cached.tokens.map(({ id }) => id), ...ids(8, turn + at + 20)]
      })
    }
    let ties = 0
    let compared = 0
    for (const [at, { prompt, cached }] of asked.entries()) {
      const [plain] = run([request(`plain ${at}`, prompt, null)])
      expect(plain?.cachedTokens).toBe(0)
      compared += cached.tokens.length
      ties += nearTies(cached, plain)
    }
    const savings = asked.map(({ cached }) => cached.cachedTokens)
    console.info(
      `cached = computed: ${compared} tokens compared, ${ties} near ties; ${savings.reduce((sum, count) => sum + count, 0)} prompt tokens saved`,
    )
    expect(compared).toBe(8 * 3 * 40)
    // All but the first prompt share at least the system prompt with another one.
    expect(savings.slice(1).every((count) => count >= system.length)).toBe(true)
  })

  it('use exact copies of the KV, while the slot they came from continues', () => {
    const { decoder } = loaded
    const prompt = ids(30, 5)
    for (const slot of [1, 4]) decoder.keep(slot, 0)
    decoder.prefill(1, prompt, 0, 30, 'last')
    decoder.decode(1, [9])
    decoder.copyPrefix(1, 4, 30)
    // Slot 4 is idle in a run over both, then continues.
    decoder.decode(1, [8, null, null, null])
    decoder.keep(1, 30)
    decoder.decode(1, [7])
    const original = decoder.logitRow(0).slice()
    decoder.decode(4, [7])
    expect(decoder.logitRow(0)).toEqual(original)
    expect(() => decoder.copyPrefix(1, 4, 40)).toThrow('cannot give 40')
    expect(() => decoder.keep(4, 40)).toThrow('does not hold 40')
    for (const slot of [1, 4]) decoder.keep(slot, 0)
  })
})
