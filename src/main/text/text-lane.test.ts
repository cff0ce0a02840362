import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createTextService } from './create-text-service.ts'
import { longestMainThreadBlock } from './main-thread-probe.fixture.ts'
import { TextLane } from './text-lane.ts'
import type { Prompt, TextModel, TextService } from './text-service.ts'
import { byteLevelJson, chatMlTemplate, fixtureConfig, largeByteLevelJson, randomWords } from './tokenizer.fixture.ts'
import { tokenizerFrom } from './tokenizer.ts'

const workerEntry = join(import.meta.dirname, 'text-worker.ts')
const reference = tokenizerFrom(byteLevelJson(), fixtureConfig)
const signal = new AbortController().signal

let folder: string
let service: TextService

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'text-'))
  service = createTextService({ workerEntry })
})

afterEach(async () => {
  await service.dispose()
  rmSync(folder, { recursive: true, force: true })
})

function write(name: string, tokenizer: object, config: object = fixtureConfig): string {
  const directory = join(folder, name)
  mkdirSync(directory)
  writeFileSync(join(directory, 'tokenizer.json'), JSON.stringify(tokenizer))
  writeFileSync(join(directory, 'tokenizer_config.json'), JSON.stringify(config))
  return directory
}

/** Splits texts by a regular expression of its own. */
const splittingBy = (regex: string): object => ({
  ...byteLevelJson(),
  pre_tokenizer: {
    type: 'Sequence',
    pretokenizers: [
      { type: 'Split', pattern: { Regex: regex }, behavior: 'Isolated', invert: false },
      { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false },
    ],
  },
})

const prompt = (model: TextModel, text: string, under: AbortSignal = signal): Promise<Prompt> =>
  model.prompt({ kind: 'text', prompt: text }, { contextLength: 4_000_000, maxTokens: 1 }, under)

/** Takes exponentially long on x without a y behind; the texts a tokenizer is checked with hold neither. */
const explodesOnX = splittingBy('(x+x+)+y')
const explosive = 'x'.repeat(60)

/** The longest time that the main thread may work without a turn of its event loop, ms of CPU time. */
const MAX_BLOCK_MS = 20

describe('a file that never ends', () => {
  it.each([
    ['a pattern', splittingBy('(a+)+$|(a|aa)+\\u0000$'), fixtureConfig, 'tokenizer_invalid'],
    [
      'a template',
      byteLevelJson(),
      {
        ...fixtureConfig,
        chat_template: `${'{% for i in range(9999) %}'.repeat(3)}${'{% endfor %}'.repeat(3)}${chatMlTemplate}`,
      },
      'template_invalid',
    ],
  ])('is refused, and others are loaded meanwhile: %s', async (_name, tokenizer, config, code) => {
    const settled: string[] = []
    const note = (name: string) => (): void => void settled.push(name)
    const hostile = service.check(write('hostile', tokenizer, config))
    const good = service.open(write('good', byteLevelJson()), 'a')
    await Promise.allSettled([hostile.finally(note('hostile')), good.finally(note('good'))])
    expect(settled).toEqual(['good', 'hostile'])
    await expect(hostile).rejects.toMatchObject({ code, message: expect.stringContaining('too long') as string })
  })
})

describe('a text that explodes in a pattern', () => {
  it('fails alone: texts that wait behind it are encoded in a new worker', async () => {
    const model = await service.open(write('m', explodesOnX), 'a')
    const block = await longestMainThreadBlock(async () => {
      const exploding = prompt(model, explosive)
      const behind = Promise.all(['hello', 'the 退款'].map((text) => prompt(model, text)))
      await expect(exploding).rejects.toMatchObject({
        code: 'invalid_request',
        message: expect.stringContaining('too long') as string,
      })
      expect((await behind).map(({ ids }) => model.decode(ids))).toEqual(['hello', 'the 退款'])
    }, MAX_BLOCK_MS)
    expect(block).toBeLessThan(MAX_BLOCK_MS)
  })

  it('can be left at once, and what waits behind it too', async () => {
    const model = await service.open(write('m', explodesOnX), 'a')
    const leaving = new AbortController()
    const texts = Promise.allSettled([explosive, 'hello'].map((text) => prompt(model, text, leaving.signal)))
    leaving.abort()
    const cancelled = { status: 'rejected', reason: expect.objectContaining({ code: 'cancelled' }) as unknown }
    expect(await texts).toEqual([cancelled, cancelled])
    await service.dispose()
    await expect(prompt(model, 'hello')).rejects.toMatchObject({ code: 'draining' })
  })

  it('fails with the program', async () => {
    const model = await service.open(write('m', explodesOnX), 'a')
    const exploding = prompt(model, explosive)
    const failed = expect(exploding).rejects.toMatchObject({ code: 'draining' })
    await service.dispose()
    await failed
  })
})

it('a worker that was idle is ended, and starts again for the next prompt', async () => {
  const running = new Set<TextLane>()
  const closing = new AbortController().signal
  const lane = new TextLane({ workerEntry, directory: write('m', byteLevelJson()), idleMs: 0, running, closing })
  const input = { kind: 'text', prompt: 'hello' } as const
  const ask = async (): Promise<readonly number[]> => [
    ...(await lane.run({ kind: 'prompt', input, limits: { contextLength: 100, maxTokens: 1 } }, 5, signal)).ids,
  ]
  for (let round = 0; round < 2; round += 1) {
    expect(await ask()).toEqual(reference.encodeText('hello'))
    await vi.waitFor(() => expect(running.size).toBe(0))
  }
})

it('a short prompt does not wait for a long one', async () => {
  const model = await service.open(write('m', byteLevelJson()), 'a')
  const order: string[] = []
  const long = 'hello world '.repeat(90_000)
  const [{ ids }] = await Promise.all([
    prompt(model, long).finally(() => order.push('long')),
    prompt(model, 'hello').finally(() => order.push('short')),
  ])
  expect(order).toEqual(['short', 'long'])
  expect(ids).toEqual(reference.encodeText(long))
})

it('main is never blocked while a large tokenizer is loaded and a megabyte encoded', async () => {
  const words = randomWords(1, 40_000)
  const directory = write('large', largeByteLevelJson(words))
  const text = words.join(' ').repeat(4).slice(0, 1_000_000)
  let round = 0
  const block = await longestMainThreadBlock(async () => {
    const model = await service.open(directory, `content ${(round += 1)}`)
    const { ids } = await prompt(model, text)
    // Decoded a token at a time, as replies are.
    const decoder = model.decoder({ continues: false })
    let decoded = ''
    for (let start = 0; start < ids.length; start += 100) {
      decoded += ids.slice(start, start + 100).reduce((sum, id) => sum + decoder.push(id), '')
      await new Promise(setImmediate)
    }
    expect(model.vocabularySize).toBeGreaterThan(150_000)
    expect(decoded === text).toBe(true)
  }, MAX_BLOCK_MS)
  expect(block).toBeLessThan(MAX_BLOCK_MS)
})
