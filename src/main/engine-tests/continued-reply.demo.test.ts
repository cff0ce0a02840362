import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { greedy } from '../../shared/contracts/engine.fixture.ts'
import type { RequestOutput } from '../../shared/contracts/engine.ts'
import { InferenceEngine } from '../inference/engine.ts'
import { loadEngine } from '../inference/load-engine.ts'
import type { Decoder } from '../inference/runtime/decoder.ts'
import { fitPrompt } from '../text/fit-prompt.ts'
import { loadTokenizer } from '../text/tokenizer.ts'
import { buildGraph } from '../workshop/build.ts'
import { testModel } from './random-model.ts'

const demo = join(import.meta.dirname, '../../../resources/models/demo')
const SPACE = 0x20

let directory: string
let decoder: Decoder

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'switchboard-continued-'))
  const graphDirectory = join(directory, 'graph')
  await buildGraph({ kind: 'build', source: demo, target: graphDirectory, precision: 'fp32' }, () => undefined)
  decoder = (await loadEngine(testModel(graphDirectory, { slots: 1 }))).decoder
})
afterAll(async () => {
  decoder.dispose()
  await rm(directory, { recursive: true, force: true })
})

function reply(promptIds: readonly number[], stopIds: readonly number[]): readonly number[] {
  const { slots, maxLength, prefillChunk, scoreRows, description } = decoder.shape
  const limits = {
    slots,
    contextLength: maxLength,
    queueRequests: 1,
    queueTokens: maxLength,
    prefillChunk,
    scoreChunk: scoreRows,
  }
  const engine = new InferenceEngine(decoder, limits, description.vocabularySize)
  engine.submit({
    requestId: 'a',
    promptIds,
    sampling: greedy,
    maxTokens: 64,
    stopIds,
    logprobs: null,
    promptLogprobs: null,
    cacheScope: null,
    client: 'a',
    priority: 'batch',
  })
  const outputs: RequestOutput[] = []
  while (engine.busy) {
    engine.step()
    outputs.push(...engine.takeOutputs())
  }
  return outputs.flatMap((output) => (output.kind === 'tokens' ? output.tokens.map(({ id }) => id) : []))
}

test('a greedy reply that is continued from its own text goes on with the same tokens', () => {
  const tokenizer = loadTokenizer(demo)
  const messages = [
    { role: 'system', content: 'You are the support assistant of Lumen & Oak, an online shop.' },
    { role: 'user', content: 'Hi, where is my order 4711234? It should have been here on Monday.' },
  ] as const
  const limits = { contextLength: decoder.shape.maxLength, maxTokens: 64 }
  const prompt = (begun: string): readonly number[] =>
    fitPrompt(tokenizer, { kind: 'chat', messages, begun }, limits).ids
  const stopIds = tokenizer.endId === null ? [] : [tokenizer.endId]
  const whole = reply(prompt(''), stopIds)
  // Where a word begins, the text so far has the tokens it was written with.
  const cuts = [...whole.keys()].filter((at) => at > 0 && tokenizer.bytes(whole[at] ?? -1)[0] === SPACE)
  expect(cuts.length).toBeGreaterThan(5)
  for (const cut of cuts)
    expect(reply(prompt(tokenizer.decode(whole.slice(0, cut))), stopIds)).toEqual(whole.slice(cut))
})
