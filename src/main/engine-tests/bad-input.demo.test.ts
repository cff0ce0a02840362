import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { greedy } from '../../shared/contracts/engine.fixture.ts'
import type { GenerateRequest, RequestOutput } from '../../shared/contracts/engine.ts'
import { loadEngine, type LoadedEngine } from '../inference/load-engine.ts'
import { buildGraph } from '../workshop/build.ts'
import { buildRandomModel, testModel } from './random-model.ts'

const demo = join(import.meta.dirname, '../../../resources/models/demo')
const CONTEXT = 64
const limits = { slots: 2, contextLength: CONTEXT, prefillChunk: 32, queueRequests: 8, queueTokens: 1000 }

const request = (requestId: string, changes: Partial<GenerateRequest>): GenerateRequest => ({
  requestId,
  promptIds: [5],
  maxTokens: 1,
  stopIds: [],
  logprobs: null,
  promptLogprobs: null,
  cacheScope: 'a',
  client: 'a',
  priority: 'batch',
  sampling: greedy,
  ...changes,
})
const prompt = (length: number): number[] => Array.from({ length }, (_, at) => 10 + ((at * 37) % 200))

/** All outputs of these requests, submitted together. */
const answers = ({ engine }: LoadedEngine, requests: readonly GenerateRequest[]): readonly RequestOutput[] => {
  for (const each of requests) engine.submit(each)
  while (engine.busy) engine.step()
  return engine.takeOutputs()
}
const shown = (output: RequestOutput): unknown => {
  if (output.kind === 'failed') return output.error.code
  return output.kind === 'done' ? [output.finishReason, output.completionTokens] : output.kind
}
const idle = { running: 0, waiting: 0, freeSlots: limits.slots }

describe('the engine at the limit of its context', () => {
  it('gives the same answer a hundred times, and loses no slot', { timeout: 300_000 }, async () => {
    const directory = await mkdtemp(join(tmpdir(), 'switchboard-limits-'))
    try {
      const graphDirectory = join(directory, 'graph')
      await buildGraph({ kind: 'build', source: demo, target: graphDirectory, precision: 'fp32' }, () => undefined)
      const loaded = await loadEngine(testModel(graphDirectory, limits))
      const cases: readonly (readonly [Partial<GenerateRequest>, readonly unknown[]])[] = [
        [{ promptIds: prompt(1) }, ['tokens', ['length', 1]]],
        [{ promptIds: prompt(CONTEXT - 1) }, ['tokens', ['length', 1]]],
        [{ promptIds: prompt(CONTEXT), maxTokens: 0 }, [['length', 0]]],
        [{ promptIds: prompt(CONTEXT) }, ['context_length_exceeded']],
        [{ promptIds: prompt(CONTEXT + 1), maxTokens: 0 }, ['context_length_exceeded']],
        [{ promptIds: [] }, ['invalid_request']],
        [{ promptIds: [loaded.loaded.vocabularySize] }, ['invalid_request']],
      ]
      for (const [changes, expected] of cases) {
        let first: string | null = null
        for (let turn = 0; turn < 100; turn += 1) {
          const outputs = answers(loaded, [request(`r${turn}`, changes)])
          expect(outputs.map(shown)).toEqual(expected)
          const tokens = JSON.stringify(outputs.map((output) => (output.kind === 'tokens' ? output.tokens : null)))
          expect(tokens).toBe((first ??= tokens))
          expect(loaded.engine.stats()).toMatchObject(idle)
        }
      }
      loaded.decoder.dispose()
    } finally {
      await rm(directory, { recursive: true, force: true })
    }
  })
})

describe('a model whose logits are not numbers', () => {
  it('fails each request with engine_fault, emits no token, and loses no slot', { timeout: 300_000 }, async () => {
    const built = await buildRandomModel({ lastNorm: 3e38 })
    try {
      const loaded = await loadEngine(testModel(built.graphDirectory, limits))
      for (let turn = 0; turn < 20; turn += 1) {
        const outputs = answers(loaded, [
          request(`short${turn}`, { promptIds: [turn], maxTokens: 9 }),
          request(`long${turn}`, { promptIds: prompt(50).slice(turn), maxTokens: 9 }),
          request(`scored${turn}`, { promptIds: prompt(40), maxTokens: 0, promptLogprobs: 1 }),
        ])
        expect(Object.fromEntries(outputs.map((output) => [output.requestId, shown(output)]))).toEqual({
          [`long${turn}`]: 'engine_fault',
          [`scored${turn}`]: 'engine_fault',
          [`short${turn}`]: 'engine_fault',
        })
        expect(loaded.engine.stats()).toMatchObject(idle)
      }
      loaded.decoder.dispose()
    } finally {
      await built.remove()
    }
  })
})
