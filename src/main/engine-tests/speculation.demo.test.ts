import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { greedy } from '../../shared/contracts/engine.fixture.ts'
import type { DraftCounts, RequestOutput, TokenOutput } from '../../shared/contracts/engine.ts'
import type { SamplingParameters } from '../../shared/domain/generation.ts'
import type { Grammar } from '../../shared/domain/grammar.ts'
import { InferenceEngine } from '../inference/engine.ts'
import { Grammars } from '../inference/grammar/grammars.ts'
import { loadEngine } from '../inference/load-engine.ts'
import type { Decoder } from '../inference/runtime/decoder.ts'
import { loadTokenizer } from '../text/tokenizer.ts'
import { buildGraph } from '../workshop/build.ts'
import { testModel } from './random-model.ts'

const demo = join(import.meta.dirname, '../../../resources/models/demo')
const frozen = join(import.meta.dirname, 'fixtures/demo.json')

/** Control tokens of the demo model's chat format, and the ids of the role `assistant`. */
const IM_START = 1
const IM_END = 2
const ASSISTANT = [IM_START, 282, 845, 351, 201]

const sampled: SamplingParameters = {
  ...greedy,
  temperature: 0.7,
  topP: 0.95,
  repetitionPenalty: 1.05,
  presencePenalty: 0.1,
  seed: 20261121,
}

/** As requested by `response_format: json_schema`: keys repeat with every item, values are chosen by the model. */
const orders: Grammar = {
  definitions: {},
  root: {
    kind: 'json',
    shape: {
      kind: 'object',
      additional: null,
      properties: [
        {
          name: 'orders',
          required: true,
          shape: {
            kind: 'array',
            minItems: 3,
            maxItems: 4,
            items: {
              kind: 'object',
              additional: null,
              properties: [
                { name: 'order_number', required: true, shape: { kind: 'integer' } },
                {
                  name: 'status',
                  required: true,
                  shape: { kind: 'literals', texts: ['"returned"', '"delivered"', '"on its way"'] },
                },
                { name: 'refund', required: false, shape: { kind: 'literals', texts: ['true', 'false'] } },
              ],
            },
          },
        },
      ],
    },
  },
}

interface Wish {
  readonly sampling: SamplingParameters
  readonly grammar?: Grammar
  readonly maxTokens: number
}

interface Reply {
  readonly tokens: readonly TokenOutput[]
  readonly finishReason: string | null
  readonly drafted: DraftCounts
  /** Processor time of decoding, ms. */
  readonly cpuMs: number
}

/**
 * Speculation on the real decoder. Kernels round differently for one row and for several: where two tokens are almost
 * equal another may be drawn, and the replies differ from there on. Such positions are checked and counted.
 */
describe('speculation gives the replies of plain decoding', () => {
  const { sequences } = JSON.parse(readFileSync(frozen, 'utf8')) as {
    readonly sequences: readonly { readonly ids: readonly number[] }[]
  }
  let directory: string
  let decoder: Decoder
  let grammars: Grammars

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'switchboard-speculation-'))
    const graphDirectory = join(directory, 'graph')
    await buildGraph({ kind: 'build', source: demo, target: graphDirectory, precision: 'fp32' }, () => undefined)
    decoder = (await loadEngine(testModel(graphDirectory, { slots: 1 }))).decoder
    grammars = new Grammars(loadTokenizer(demo).packedBytes(), decoder.shape.description.vocabularySize)
  })
  afterAll(async () => {
    decoder.dispose()
    await rm(directory, { recursive: true, force: true })
  })

  /**
   * Prefixes of the frozen dialogues after which the assistant speaks: a first answer, a later one, one that repeats
   * earlier ones.
   */
  const prompts = sequences
    .flatMap(({ ids }) =>
      ids.flatMap((_, at) =>
        ASSISTANT.every((id, index) => ids[at + index] === id) ? [ids.slice(0, at + ASSISTANT.length)] : [],
      ),
    )
    .filter((_, index) => index < 5 || index % 6 === 0)

  const reply = (promptIds: readonly number[], { sampling, grammar, maxTokens }: Wish, maxDraft: number): Reply => {
    const { slots, maxLength, prefillChunk, scoreRows, description } = decoder.shape
    const limits = {
      slots,
      contextLength: maxLength,
      queueRequests: 1,
      queueTokens: maxLength,
      prefillChunk,
      scoreChunk: scoreRows,
    }
    // On this clock all runs take the same time, so that speculation pays wherever a draft is likely, on every machine.
    let ticks = 0
    const engine = new InferenceEngine(decoder, limits, description.vocabularySize, {
      maxDraft,
      grammars,
      now: () => (ticks += 1),
    })
    engine.submit({
      requestId: 'a',
      promptIds,
      sampling,
      maxTokens: Math.min(maxTokens, maxLength - promptIds.length),
      stopIds: grammar === undefined ? [] : [IM_END],
      logprobs: 2,
      promptLogprobs: null,
      cacheScope: null,
      client: 'a',
      priority: 'batch',
      ...(grammar === undefined ? {} : { grammar }),
    })
    const outputs: RequestOutput[] = []
    let cpuMs = 0
    while (engine.busy) {
      const before = process.cpuUsage().user
      engine.step()
      const made = engine.takeOutputs()
      // The steps of the prompt are the same in both cases.
      if (outputs.length > 0) cpuMs += (process.cpuUsage().user - before) / 1000
      outputs.push(...made)
    }
    const end = outputs.at(-1)
    return {
      tokens: outputs.flatMap((output) => (output.kind === 'tokens' ? output.tokens : [])),
      finishReason: end?.kind === 'done' ? end.finishReason : null,
      drafted: end?.kind === 'done' && end.drafted !== undefined ? end.drafted : { proposed: 0, accepted: 0 },
      cpuMs,
    }
  }

  test.each([
    ['greedy', greedy],
    ['sampled', sampled],
  ] as const)('%s', { timeout: 300_000 }, (name, sampling) => {
    let compared = 0
    let ties = 0
    const drafted = { proposed: 0, accepted: 0 }
    const faster: string[] = []
    for (const prompt of prompts) {
      const plain = reply(prompt, { sampling, maxTokens: 48 }, 0)
      const speculative = reply(prompt, { sampling, maxTokens: 48 }, 15)
      drafted.proposed += speculative.drafted.proposed
      drafted.accepted += speculative.drafted.accepted
      expect(plain.drafted.proposed).toBe(0)
      expect(speculative.tokens.length).toBe(plain.tokens.length)
      faster.push((plain.cpuMs / speculative.cpuMs).toFixed(2))
      const parted = plain.tokens.findIndex(({ id }, at) => speculative.tokens[at]?.id !== id)
      compared += parted < 0 ? plain.tokens.length : parted
      if (parted < 0) continue
      ties += 1
      const [best, second] = plain.tokens[parted]?.top ?? []
      const gap = (best?.logprob ?? 0) - (second?.logprob ?? -9)
      expect(sampling === greedy ? gap : 0).toBeLessThan(1e-3)
    }
    console.info(
      `${name}: ${prompts.length} replies, ${compared} tokens compared, ${ties} near ties; ${drafted.accepted} of ${drafted.proposed} draft tokens accepted; processor time without / with: ${faster.join(' ')}`,
    )
    expect(compared).toBeGreaterThan(150)
    expect(drafted.accepted).toBeGreaterThan(30)
    // Draws on a border that rounding moves are about as rare.
    expect(ties).toBeLessThanOrEqual(sampling === greedy ? prompts.length : 1)
  })

  test.each([
    ['greedy', greedy],
    ['sampled', sampled],
  ] as const)('%s, under a grammar', { timeout: 300_000 }, (name, sampling) => {
    let compared = 0
    let ties = 0
    const drafted = { proposed: 0, accepted: 0 }
    for (const prompt of prompts.slice(0, 6)) {
      const wish = { sampling, grammar: orders, maxTokens: 160 }
      const plain = reply(prompt, wish, 0)
      const speculative = reply(prompt, wish, 15)
      drafted.proposed += speculative.drafted.proposed
      drafted.accepted += speculative.drafted.accepted
      expect(plain.drafted.proposed).toBe(0)
      // A separate matcher throws at a token that cannot follow.
      const matcher = grammars.follow(orders, [IM_END])
      for (const { id } of speculative.tokens) matcher.accept(id)
      const parted = plain.tokens.findIndex(({ id }, at) => speculative.tokens[at]?.id !== id)
      compared += parted < 0 ? plain.tokens.length : parted
      if (parted < 0) {
        expect(speculative.tokens.length).toBe(plain.tokens.length)
        expect(speculative.finishReason).toBe(plain.finishReason)
        continue
      }
      ties += 1
      // The best of all tokens is often refused by the grammar, so the two drawn tokens are compared.
      const [one, other] = [plain.tokens[parted]?.logprob, speculative.tokens[parted]?.logprob]
      const gap = Math.abs((one ?? 0) - (other ?? 9))
      expect(sampling === greedy ? gap : 0).toBeLessThan(1e-3)
    }
    console.info(
      `${name}, under a grammar: ${compared} tokens compared, ${ties} near ties; ${drafted.accepted} of ${drafted.proposed} draft tokens accepted`,
    )
    expect(compared).toBeGreaterThan(150)
    expect(drafted.accepted).toBeGreaterThan(30)
    expect(drafted.proposed).toBeGreaterThan(drafted.accepted)
    expect(ties).toBeLessThanOrEqual(sampling === greedy ? 6 : 1)
  })
})
