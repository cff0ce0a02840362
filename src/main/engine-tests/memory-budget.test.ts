import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { greedy } from '../../shared/contracts/engine.fixture.ts'
import type { GenerateRequest, RequestOutput } from '../../shared/contracts/engine.ts'
import { loadEngine } from '../inference/load-engine.ts'
import { kvBytes } from '../inference/runtime/kv-memory.ts'
import { readGraphDescription } from '../inference/runtime/graph-description.ts'
import { memoryNeed } from '../inference/runtime/memory-plan.ts'
import { buildRandomModel, testModel, type BuiltModel } from './random-model.ts'

let built: BuiltModel
beforeAll(async () => {
  built = await buildRandomModel()
})
afterAll(() => built.remove())

const request = (requestId: string): GenerateRequest => ({
  requestId,
  promptIds: [1, 2, 3],
  maxTokens: 5,
  stopIds: [],
  logprobs: null,
  promptLogprobs: null,
  cacheScope: null,
  client: 'a',
  priority: 'batch',
  sampling: greedy,
})
const usable = (provider: 'cuda' | 'webgpu' | 'cpu') => ({
  provider,
  usable: true as const,
  floats: provider === 'cpu' ? ('float32' as const) : ('float16' as const),
})
const needOf = (slots: number, contextLength: number) => {
  const description = readGraphDescription(built.graphDirectory)
  return memoryNeed({ description, floats: 'float32', slots, contextLength, prefillChunk: 32, scoreRows: 32 })
}

describe('a model that fits', () => {
  it.skipIf(process.platform !== 'linux')(
    'has allocated the memory of its longest chunk before it is ready',
    async () => {
      const anonymousBytes = (): number =>
        Number(/^RssAnon:\s+(\d+) kB$/mu.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) * 1024
      const { decoder } = await loadEngine(testModel(built.graphDirectory, { slots: 1, prefillChunk: 512 }), {
        freeMemory: () => null,
      })
      const chunk = 512
      // the scores of attention: 4 heads, a chunk, the context
      const scoreBytes = 4 * chunk * 8192 * 4
      const ready = anonymousBytes()
      for (let time = 0; time < 3; time += 1) {
        decoder.keep(0, 0)
        decoder.filled[0] = 8192 - chunk
        decoder.prefill(0, new Int32Array(chunk), 0, chunk, 'last')
      }
      expect(anonymousBytes() - ready).toBeLessThan(scoreBytes / 4)
      decoder.dispose()
    },
  )
})

describe('a model that does not fit as requested', () => {
  it('is loaded with fewer slots, reports it, and answers all requests', async () => {
    const freeBytes = needOf(3, 8192).totalBytes
    const { engine, decoder, loaded } = await loadEngine(testModel(built.graphDirectory, { slots: 6 }), {
      freeMemory: () => freeBytes,
    })
    expect(loaded).toMatchObject({
      slots: 3,
      contextLength: 8192,
      lowered: { slots: 6, contextLength: 8192, neededBytes: needOf(6, 8192).totalBytes, freeBytes },
    })
    expect(loaded.kvBytes).toBe(
      kvBytes({
        slots: 3,
        maxLength: 8192,
        description: readGraphDescription(built.graphDirectory),
        floats: 'float32',
      }),
    )
    expect(engine.stats()).toMatchObject({ slots: 3, freeSlots: 3 })
    for (const id of ['a', 'b', 'c', 'd', 'e']) engine.submit(request(id))
    const outputs: RequestOutput[] = []
    while (engine.busy) {
      engine.step()
      outputs.push(...engine.takeOutputs())
    }
    expect(
      outputs
        .filter(({ kind }) => kind === 'done')
        .map(({ requestId }) => requestId)
        .toSorted(),
    ).toEqual(['a', 'b', 'c', 'd', 'e'])
    decoder.dispose()
  })

  it('is loaded with a shorter context when two slots do not fit, and refuses longer requests', async () => {
    const { engine, decoder, loaded } = await loadEngine(testModel(built.graphDirectory), {
      freeMemory: () => needOf(2, 3072).totalBytes,
    })
    expect(loaded).toMatchObject({ slots: 2, contextLength: 3072, lowered: { slots: 4, contextLength: 8192 } })
    engine.submit({ ...request('long'), maxTokens: 3070 })
    engine.step()
    expect(engine.takeOutputs()).toMatchObject([{ kind: 'failed', error: { code: 'context_length_exceeded' } }])
    decoder.dispose()
  })

  it('is refused with the arithmetic when the minimum does not fit', async () => {
    await expect(
      loadEngine(testModel(built.graphDirectory), { freeMemory: () => 100 * 1024 ** 2 }),
    ).rejects.toMatchObject({
      code: 'out_of_memory',
      message: expect.stringMatching(
        /^The model does not fit .*: weights \d.* MB \+ conversations 1\.0 MB \(1 slot of 2048 tokens\) \+ working memory 0\.25 GB = 0\.\d\d GB; free: 100\.0 MB\. What helps: a smaller precision/,
      ) as string,
    })
  })

  it('is refused by a card with a reason, and loaded on the next provider if the policy allows one', async () => {
    const freeMemory = (provider: string) => (provider === 'cpu' ? needOf(4, 8192).totalBytes : 1000)
    const small = await buildRandomModel({}, 'int4')
    const model = testModel(small.graphDirectory)
    const { decoder, loaded } = await loadEngine(
      { ...model, policy: { prefer: 'auto', allowCpu: true } },
      { probe: usable, freeMemory },
    )
    expect(loaded).toMatchObject({ provider: 'cpu', lowered: null })
    for (const { reason } of loaded.refusals)
      expect(reason).toMatch(/^The model does not fit into memory.*free: 0\.0 MB/)
    expect(loaded.refusals).toHaveLength(2)
    decoder.dispose()
    await expect(
      loadEngine({ ...model, policy: { prefer: 'cuda', allowCpu: true } }, { probe: usable, freeMemory }),
    ).rejects.toMatchObject({ code: 'out_of_memory' })
    await small.remove()
  })

  it('is refused with the arithmetic when the memory was unknown and the system refused it', async () => {
    await expect(
      loadEngine(testModel(built.graphDirectory, { slots: 2 ** 30 }), { freeMemory: () => null }),
    ).rejects.toMatchObject({
      code: 'out_of_memory',
      message: expect.stringMatching(
        /^Memory for the model was refused: .*\(1073741824 slots of 8192 tokens\).*free: unknown\. What helps: .*fewer parallel conversations/,
      ) as string,
    })
  })
})
