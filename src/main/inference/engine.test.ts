import { describe, expect, it } from 'vitest'
import { greedy } from '../../shared/contracts/engine.fixture.ts'
import type { GenerateRequest, RequestOutput } from '../../shared/contracts/engine.ts'
import type { Grammar } from '../../shared/domain/grammar.ts'
import { StepCosts } from './costs/step-costs.ts'
import { InferenceEngine, type StepRunner } from './engine.ts'
import { Grammars } from './grammar/grammars.ts'
import type { ChunkLogits } from './runtime/step-inputs.ts'

const VOCABULARY = 16

/** A model that always continues with the next id: the best logit after token t is t + 1. Records its runs. */
class CountingModel implements StepRunner {
  readonly maxSpan = 4
  readonly runs: string[] = []
  readonly #logits = new Float32Array(8 * VOCABULARY)
  poison: number | null = null
  breaks = false

  decode(first: number, tokens: readonly (number | null)[]): void {
    if (this.breaks) throw new Error('the runtime broke')
    this.runs.push(`decode ${first}: ${tokens.join(' ')}`)
    tokens.forEach((token, row) => this.#fill(row, token ?? 0))
  }

  prefill(slot: number, ids: ArrayLike<number>, start: number, count: number, logits: ChunkLogits): void {
    this.runs.push(`prefill ${slot}: ${start}+${count} ${logits}`)
    if (logits === 'last') this.#fill(0, ids[start + count - 1] ?? 0)
    if (logits === 'all') for (let row = 0; row < count; row += 1) this.#fill(row, ids[start + row] ?? 0)
  }

  logitRow(row: number): Float32Array {
    return this.#logits.subarray(row * VOCABULARY, (row + 1) * VOCABULARY)
  }

  readonly copiesPrefixes = false

  copyPrefix(): void {}

  keep(): void {}

  #fill(row: number, token: number): void {
    const logits = this.logitRow(row).fill(0)
    logits[(token + 1) % VOCABULARY] = token === this.poison ? Number.NaN : 5
  }
}

/** Its clock advances by the cost of the runs. */
class TimedModel extends CountingModel {
  ms = 0

  override decode(first: number, tokens: readonly (number | null)[]): void {
    super.decode(first, tokens)
    this.ms += 48
  }

  override prefill(slot: number, ids: ArrayLike<number>, start: number, count: number, logits: ChunkLogits): void {
    super.prefill(slot, ids, start, count, logits)
    this.ms += 8 + 2 * count
  }
}

const setUp = (slots = 2) => {
  const runner = new CountingModel()
  let now = 0
  const engine = new InferenceEngine(
    runner,
    { slots, contextLength: 40, queueRequests: 1, queueTokens: 40, prefillChunk: 4, scoreChunk: 2 },
    VOCABULARY,
    { now: () => (now += 1) },
  )
  const outputs: RequestOutput[] = []
  const run = (): RequestOutput[] => {
    while (engine.busy) engine.step()
    outputs.push(...engine.takeOutputs())
    return outputs
  }
  return { engine, runner, run }
}

const request = (requestId: string, changes: Partial<GenerateRequest> = {}): GenerateRequest => ({
  requestId,
  promptIds: [1, 2, 3],
  sampling: greedy,
  maxTokens: 3,
  stopIds: [],
  logprobs: null,
  promptLogprobs: null,
  cacheScope: null,
  client: 'a',
  priority: 'batch',
  ...changes,
})

const ids = (outputs: readonly RequestOutput[], requestId: string): number[] =>
  outputs.flatMap((output) =>
    output.kind === 'tokens' && output.requestId === requestId ? output.tokens.map(({ id }) => id) : [],
  )
const end = (outputs: readonly RequestOutput[], requestId: string): RequestOutput | undefined =>
  outputs.find((output) => output.requestId === requestId && (output.kind === 'done' || output.kind === 'failed'))

describe('InferenceEngine', () => {
  it('feeds each token back, and runs replies and a new prompt in one step', () => {
    const { engine, runner, run } = setUp()
    engine.submit(request('a', { maxTokens: 4 }))
    engine.step()
    engine.submit(request('b', { promptIds: [8, 9, 10, 11, 12], maxTokens: 2 }))
    const outputs = run()
    expect(ids(outputs, 'a')).toEqual([4, 5, 6, 7])
    expect(ids(outputs, 'b')).toEqual([13, 14])
    expect(runner.runs).toEqual([
      'prefill 0: 0+3 last',
      'decode 0: 4',
      'prefill 1: 0+4 none',
      'decode 0: 5',
      'prefill 1: 4+1 last',
      'decode 0: 6 13',
    ])
    expect(end(outputs, 'a')).toMatchObject({ finishReason: 'length', completionTokens: 4 })
  })

  it('counts an end token but does not emit it', () => {
    const { engine, run } = setUp()
    engine.submit(request('a', { maxTokens: 9, stopIds: [6] }))
    const outputs = run()
    expect(ids(outputs, 'a')).toEqual([4, 5])
    expect(end(outputs, 'a')).toMatchObject({ finishReason: 'stop', completionTokens: 3 })
  })

  it('scores a prompt over its chunks and then goes on', () => {
    const { engine, runner, run } = setUp()
    engine.submit(request('a', { promptIds: [1, 2, 3, 9, 10], promptLogprobs: 1, maxTokens: 1 }))
    const outputs = run()
    const prompt = outputs.flatMap((output) =>
      output.kind === 'prompt' ? [output.tokens.map(({ id, top }) => [id, top?.[0]?.id])] : [],
    )
    expect(prompt).toEqual([
      [
        [2, 2],
        [3, 3],
      ],
      [
        [9, 4],
        [10, 10],
      ],
      [],
    ])
    expect(ids(outputs, 'a')).toEqual([11])
    expect(runner.runs).toEqual(['prefill 0: 0+2 all', 'prefill 0: 2+2 all', 'prefill 0: 4+1 all'])
  })

  it('fails the request whose logits are not numbers, and no other', () => {
    const { engine, runner, run } = setUp()
    runner.poison = 11
    engine.submit(request('bad', { promptIds: [9], maxTokens: 8 }))
    engine.submit(request('good', { promptIds: [1], maxTokens: 8 }))
    const outputs = run()
    expect(ids(outputs, 'bad')).toEqual([10, 11])
    expect(end(outputs, 'bad')).toMatchObject({ kind: 'failed', error: { code: 'engine_fault' } })
    expect(ids(outputs, 'good')).toHaveLength(8)
  })

  it('handles a cancel between two steps and reports the tokens so far', () => {
    const { engine, run } = setUp(1)
    engine.submit(request('a', { maxTokens: 30 }))
    engine.submit(request('b', { maxTokens: 1 }))
    for (let step = 0; step < 3; step += 1) engine.step()
    engine.cancel('a')
    engine.cancel('a')
    expect(engine.stats()).toMatchObject({ running: 1, waiting: 0, freeSlots: 0 })
    const outputs = run()
    expect(outputs.filter(({ requestId, kind }) => requestId === 'a' && kind === 'done')).toMatchObject([
      { finishReason: 'cancelled', completionTokens: 3 },
    ])
    expect(end(outputs, 'b')).toMatchObject({ finishReason: 'length' })
  })

  it('refuses requests without running anything', () => {
    const { engine, runner, run } = setUp(1)
    for (const id of ['a', 'b', 'c']) engine.submit(request(id, { maxTokens: 1 }))
    engine.submit(request('foreign', { promptIds: [VOCABULARY] }))
    engine.submit(request('long', { maxTokens: 38 }))
    expect(runner.runs).toEqual([])
    const outputs = run()
    expect(['c', 'foreign', 'long'].map((id) => end(outputs, id))).toMatchObject([
      { error: { code: 'queue_full', retryAfterSeconds: expect.any(Number) as number } },
      { error: { code: 'invalid_request' } },
      { error: { code: 'context_length_exceeded' } },
    ])
    expect(end(outputs, 'b')).toMatchObject({ kind: 'done' })
  })

  it('compiles no grammar for a request that the queue refuses', () => {
    const { engine, run } = setUp(1)
    for (const id of ['a', 'b']) engine.submit(request(id, { maxTokens: 1 }))
    engine.submit(request('c', { grammar: { kind: 'any' } as unknown as Grammar }))
    expect(end(run(), 'c')).toMatchObject({ error: { code: 'queue_full' } })
  })

  it('estimates the wait from requests that ran, not from those cancelled in the queue', () => {
    const { engine } = setUp(1)
    engine.submit(request('running'))
    engine.submit(request('waiting'))
    const seconds = () => {
      engine.submit(request('refused'))
      return end(engine.takeOutputs(), 'refused')
    }
    const before = seconds()
    for (let turn = 0; turn < 40; turn += 1) {
      engine.cancel('waiting')
      engine.submit(request('waiting'))
    }
    expect([before, seconds()]).toMatchObject([
      { error: { retryAfterSeconds: 4 } },
      { error: { retryAfterSeconds: 4 } },
    ])
  })

  it('fails all requests of the step when the runtime fails, and throws', () => {
    const { engine, runner } = setUp()
    engine.submit(request('a'))
    engine.step()
    engine.submit(request('b'))
    runner.breaks = true
    expect(() => engine.step()).toThrow('the runtime broke')
    expect(engine.takeOutputs().filter(({ kind }) => kind === 'failed')).toMatchObject([
      { requestId: 'a', error: { code: 'internal' } },
      { requestId: 'b' },
    ])
    expect(engine.busy).toBe(false)
  })

  it('runs shorter chunks beside running replies, by measured times', () => {
    const runner = new TimedModel()
    const costs = new StepCosts()
    costs.recordPrefill(16, 40)
    costs.recordPrefill(64, 136)
    costs.recordDecode(1, 48)
    const engine = new InferenceEngine(
      runner,
      { slots: 2, contextLength: 200, queueRequests: 1, queueTokens: 200, prefillChunk: 64, scoreChunk: 2 },
      VOCABULARY,
      { costs, now: () => runner.ms },
    )
    const prompt = Array.from({ length: 80 }, (_, at) => at % VOCABULARY)
    engine.submit(request('alone', { promptIds: prompt, maxTokens: 100 }))
    for (let step = 0; step < 2; step += 1) engine.step()
    engine.submit(request('beside', { promptIds: prompt, maxTokens: 2 }))
    for (let step = 0; step < 4; step += 1) engine.step()
    expect(runner.runs.filter((run) => run.startsWith('prefill'))).toEqual([
      'prefill 0: 0+64 none',
      'prefill 0: 64+16 last',
      'prefill 1: 0+24 none',
      'prefill 1: 24+24 none',
      'prefill 1: 48+24 none',
      'prefill 1: 72+8 last',
    ])
    expect(runner.runs.filter((run) => run.startsWith('decode'))).toHaveLength(4)
  })
})

describe('InferenceEngine with a grammar', () => {
  // Ids 1 to 9 are digits, 10 to 13 brackets, comma and quote, 0 and 15 have no text; the model always prefers the next
  // id.
  const texts = ['', '1', '2', '3', '4', '5', '6', '7', '8', '9', '[', ']', ',', '"', '0', '']
  const packed = Uint8Array.from(texts.flatMap((text) => [text.length, ...Buffer.from(text)]))
  const start = (): { readonly engine: InferenceEngine; readonly run: () => RequestOutput[] } => {
    let now = 0
    const engine = new InferenceEngine(
      new CountingModel(),
      { slots: 2, contextLength: 40, queueRequests: 1, queueTokens: 40, prefillChunk: 4, scoreChunk: 2 },
      VOCABULARY,
      { now: () => (now += 1), grammars: new Grammars(packed, VOCABULARY) },
    )
    return {
      engine,
      run: () => {
        while (engine.busy) engine.step()
        return engine.takeOutputs()
      },
    }
  }
  const list: Grammar = {
    definitions: {},
    root: {
      kind: 'json',
      shape: { kind: 'array', items: { kind: 'literals', texts: ['4', '45'] }, minItems: 1, maxItems: 2 },
    },
  }

  it('draws only allowed tokens, ends without a step for the end token, and reports the time of the grammar', () => {
    const { engine, run } = start()
    engine.submit(request('free', { maxTokens: 4 }))
    engine.submit(request('bound', { maxTokens: 20, stopIds: [15], grammar: list }))
    const outputs = run()
    expect(ids(outputs, 'free')).toEqual([4, 5, 6, 7])
    // "[" is forced, "4" is forced, then "5" is wanted, and after it the best of "]" and ",".
    expect(ids(outputs, 'bound')).toEqual([10, 4, 5, 11])
    expect(end(outputs, 'bound')).toMatchObject({
      kind: 'done',
      finishReason: 'stop',
      completionTokens: 4,
      timings: { grammarMs: expect.any(Number) as number },
    })
    expect(end(outputs, 'free')).toMatchObject({
      kind: 'done',
      timings: expect.not.objectContaining({ grammarMs: expect.anything() as unknown }) as object,
    })
  })

  it('never draws outside the grammar at any temperature or bias, and reports raw log-probabilities', () => {
    for (let seed = 0; seed < 20; seed += 1) {
      const { engine, run } = start()
      const sampling = {
        ...request('x').sampling,
        temperature: 2,
        topK: 12,
        topP: 0.9,
        minP: 0.01,
        seed,
        repetitionPenalty: 1.3,
        logitBias: { 13: 100, 15: 100 },
      }
      engine.submit(request('bound', { maxTokens: 20, stopIds: [15], grammar: list, sampling, logprobs: 1 }))
      const outputs = run()
      const text = ids(outputs, 'bound')
        .map((id) => texts[id])
        .join('')
      expect(['[4]', '[45]', '[4,4]', '[4,45]', '[45,4]', '[45,45]']).toContain(text)
      const first = outputs.find((output) => output.kind === 'tokens')
      // After prompt token 3 the model prefers 4, with a logit of 5 among zeros; "[" was drawn all the same.
      expect(first?.kind === 'tokens' && first.tokens[0]).toMatchObject({ id: 10, top: [{ id: 4 }] })
      expect(first?.kind === 'tokens' && first.tokens[0]?.logprob).toBeCloseTo(-Math.log(Math.exp(5) + 15), 5)
    }
  })

  it('ends at the token limit or on a cancel inside a structure', () => {
    const { engine, run } = start()
    engine.submit(request('short', { maxTokens: 2, grammar: list }))
    engine.submit(
      request('left', { maxTokens: 30, grammar: { definitions: {}, root: { kind: 'json', shape: { kind: 'any' } } } }),
    )
    for (let step = 0; step < 3; step += 1) engine.step()
    engine.cancel('left')
    const outputs = run()
    expect(end(outputs, 'short')).toMatchObject({ kind: 'done', finishReason: 'length', completionTokens: 2 })
    expect(end(outputs, 'left')).toMatchObject({ kind: 'done', finishReason: 'cancelled' })
    expect(engine.stats().freeSlots).toBe(2)
  })

  it('refuses an invalid grammar before anything runs', () => {
    const { engine, run } = start()
    engine.submit(
      request('bad', {
        grammar: { definitions: {}, root: { kind: 'json', shape: { kind: 'reference', name: 'none' } } },
      }),
    )
    expect(run()).toMatchObject([{ kind: 'failed', requestId: 'bad', error: { code: 'invalid_request' } }])
    const without = setUp()
    without.engine.submit(request('bad', { grammar: list }))
    expect(without.run()).toMatchObject([{ kind: 'failed', error: { code: 'invalid_request' } }])
  })
})
