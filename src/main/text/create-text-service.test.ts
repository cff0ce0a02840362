import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { createTextService } from './create-text-service.ts'
import { inThreadTextService } from './text-service.fixture.ts'
import type { TextService } from './text-service.ts'
import { byteLevelJson, controlIdsOf, fixtureConfig } from './tokenizer.fixture.ts'
import { tokenizerFrom } from './tokenizer.ts'

const reference = tokenizerFrom(byteLevelJson(), fixtureConfig)
const endId = controlIdsOf(byteLevelJson()).get('<|im_end|>') ?? -1
const workerEntry = join(import.meta.dirname, 'text-worker.ts')
const limits = { contextLength: 100, maxTokens: 10 }
const signal = new AbortController().signal

let folder: string
let service: TextService

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'text-'))
  writeFileSync(join(folder, 'tokenizer.json'), JSON.stringify(byteLevelJson()))
  writeFileSync(join(folder, 'tokenizer_config.json'), JSON.stringify(fixtureConfig))
  service = createTextService({ workerEntry })
})

afterEach(async () => {
  await service.dispose()
  rmSync(folder, { recursive: true, force: true })
})

it.each([
  ['in a worker', () => service],
  ['in this thread', inThreadTextService],
])('gives the text side of a model, %s', async (_name, serviceOf) => {
  writeFileSync(
    join(folder, 'generation_config.json'),
    JSON.stringify({ do_sample: true, temperature: 0.4, top_k: 20, eos_token_id: [endId, 5] }),
  )
  const model = await serviceOf().open(folder, 'a')
  expect(model.vocabularySize).toBe(reference.vocabularySize)
  expect(model.stopIds).toEqual([endId, 5])
  expect(model.defaults.sampling).toMatchObject({ temperature: 0.4, topK: 20, topP: 1 })
  expect(Buffer.from(model.packedVocabulary, 'base64')).toEqual(Buffer.from(reference.packedBytes()))
  const messages = [{ role: 'user', content: 'hello 退款' }] as const
  expect(await model.prompt({ kind: 'chat', messages }, limits, signal)).toEqual({
    ids: reference.chat?.encode(messages),
    maxTokens: 10,
    truncated: null,
  })
  const ids = reference.encodeText('hello 退款')
  expect(model.decode(ids)).toBe('hello 退款')
  expect(Buffer.concat(ids.map((id) => model.bytes(id))).toString()).toBe('hello 退款')
  const decoder = model.decoder({ continues: false })
  expect([...ids, endId].map((id) => decoder.push(id)).join('')).toBe('hello 退款')
  const grammar = { definitions: { x: { kind: 'any' } }, root: { kind: 'json', shape: { kind: 'any' } } } as const
  const format = { shape: grammar.root.shape, definitions: grammar.definitions }
  expect(await model.grammar({ format, tools: null }, signal)).toEqual(grammar)
})

it('loads a model once for all who ask, and again for other content', async () => {
  const [one, other] = await Promise.all([service.open(folder, 'a'), service.open(folder, 'a')])
  expect(other).toBe(one)
  expect(await service.open(folder, 'a')).toBe(one)
  expect(await service.open(folder, 'b')).not.toBe(one)
})

it('keeps the last few models, and the others go on working for those who hold them', async () => {
  const first = await service.open(folder, 'a')
  for (const hash of ['b', 'c']) await service.open(folder, hash)
  expect(await service.open(folder, 'a')).toBe(first)
  for (const hash of ['b', 'c', 'd']) await service.open(folder, hash)
  expect(await service.open(folder, 'a')).not.toBe(first)
  const { ids } = await first.prompt({ kind: 'text', prompt: 'hello' }, limits, signal)
  expect(ids).toEqual(reference.encodeText('hello'))
})

it('forgets a load that failed', async () => {
  const good = join(folder, 'good')
  cpSync(join(folder, 'tokenizer.json'), join(good, 'tokenizer.json'))
  await expect(service.open(good, 'a')).rejects.toMatchObject({ code: 'tokenizer_invalid' })
  await expect(service.check(good)).rejects.toMatchObject({ code: 'tokenizer_invalid' })
  cpSync(join(folder, 'tokenizer_config.json'), join(good, 'tokenizer_config.json'))
  await service.check(good)
  expect((await service.open(good, 'a')).vocabularySize).toBe(reference.vocabularySize)
})

it('refuses what does not fit, and a request that was cancelled', async () => {
  const model = await service.open(folder, 'a')
  await expect(model.prompt({ kind: 'ids', ids: [-1] }, limits, signal)).rejects.toMatchObject({
    code: 'invalid_request',
    param: 'prompt[0]',
  })
  writeFileSync(join(folder, 'generation_config.json'), '[')
  await expect(service.check(folder)).rejects.toMatchObject({ code: 'model_corrupt' })
  const aborted = AbortSignal.abort()
  await expect(model.prompt({ kind: 'text', prompt: 'a' }, limits, aborted)).rejects.toMatchObject({
    code: 'cancelled',
  })
  await expect(model.grammar({ format: null, tools: null }, aborted)).rejects.toMatchObject({ code: 'cancelled' })
})
