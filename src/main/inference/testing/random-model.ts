import fc from 'fast-check'
import { greedy } from '../../../shared/contracts/engine.fixture.ts'
import type { GenerateRequest, RequestOutput, TokenOutput } from '../../../shared/contracts/engine.ts'
import { InferenceEngine, type StepRunner } from '../engine.ts'
import type { Grammars } from '../grammar/grammars.ts'
import type { ChunkLogits } from '../runtime/step-inputs.ts'

export const VOCABULARY = 12
const SLOTS = 3
const MAX_LENGTH = 64

/**
 * A model of pseudo-random logits that depend on the last `reach` tokens; with a short reach, replies repeat
 * themselves. It keeps the ids of each slot like KV: idle rows write into it, and a row reads only what is below its
 * own position, so that a slot rolled back to a wrong position gives other logits. Its clock advances by the cost of
 * the runs.
 */
export class RandomModel implements StepRunner {
  readonly maxSpan = SLOTS
  readonly #kv = Array.from({ length: SLOTS }, () => new Int32Array(MAX_LENGTH))
  readonly #filled = new Int32Array(SLOTS)
  readonly #logits = new Float32Array(16 * VOCABULARY)
  readonly #seed: number
  readonly #reach: number
  /** Ids of the runs with a logit row per token (verified drafts with the token before them, and scored prompts). */
  readonly verified: number[][] = []
  /** Content of the slot before each of them. */
  readonly verifiedAfter: number[][] = []
  /** Logits after this token are not numbers. */
  poison: number | null = null
  now = 0

  constructor(seed: number, reach: number) {
    this.#seed = seed
    this.#reach = reach
  }

  decode(first: number, tokens: readonly (number | null)[]): void {
    for (const [row, token] of tokens.entries()) {
      const slot = first + row
      const at = this.#filled[slot] ?? 0
      this.#write(slot, Math.min(at, MAX_LENGTH - 1), token ?? 0)
      if (token === null) continue
      this.#fill(row, slot, at)
      this.#filled[slot] = at + 1
    }
    this.now += 10 + tokens.length
  }

  prefill(slot: number, ids: ArrayLike<number>, start: number, count: number, logits: ChunkLogits): void {
    const before = this.#filled[slot] ?? 0
    if (logits === 'all') this.verifiedAfter.push([...(this.#kv[slot]?.subarray(0, before) ?? [])])
    for (let index = 0; index < count; index += 1) {
      this.#write(slot, before + index, ids[start + index] ?? -1)
      if (logits === 'all') this.#fill(index, slot, before + index)
    }
    if (logits === 'last') this.#fill(0, slot, before + count - 1)
    if (logits === 'all') this.verified.push(Array.from({ length: count }, (_, index) => ids[start + index] ?? -1))
    this.#filled[slot] = before + count
    this.now += 10 + count
  }

  logitRow(row: number): Float32Array {
    return this.#logits.subarray(row * VOCABULARY, (row + 1) * VOCABULARY)
  }

  keep(slot: number, positions: number): void {
    if (positions > (this.#filled[slot] ?? 0)) throw new RangeError('the slot does not hold so much')
    this.#filled[slot] = positions
  }

  readonly copiesPrefixes = true

  copyPrefix(from: number, to: number, positions: number): void {
    if (positions > (this.#filled[from] ?? 0)) throw new RangeError('the slot does not hold so much')
    this.#kv[to]?.set(this.#kv[from]?.subarray(0, positions) ?? [])
    this.#filled[to] = positions
  }

  #write(slot: number, position: number, token: number): void {
    if (position >= MAX_LENGTH) throw new RangeError('beyond the context')
    const ids = this.#kv[slot]
    if (ids !== undefined) ids[position] = token
  }

  #fill(row: number, slot: number, position: number): void {
    const ids = this.#kv[slot] ?? new Int32Array(MAX_LENGTH)
    let state = this.#seed | 0
    for (let back = 0; back < this.#reach && back <= position; back += 1)
      state = Math.imul(state ^ ((ids[position - back] ?? 0) + 1), 0x9e3779b1) ^ (state >>> 13)
    const logits = this.logitRow(row)
    for (let id = 0; id < VOCABULARY; id += 1) {
      state = (Math.imul(state, 1664525) + 1013904223) | 0
      logits[id] = (state >>> 8) / 0x400000
    }
    if (ids[position] === this.poison) logits[0] = Number.NaN
  }
}

export interface Reply {
  readonly tokens: readonly TokenOutput[]
  readonly end: RequestOutput | null
}

const limits = {
  slots: SLOTS,
  contextLength: MAX_LENGTH,
  queueRequests: 20,
  queueTokens: 1000,
  prefillChunk: 8,
  scoreChunk: 16,
}
export const request = (requestId: string, changes: Partial<GenerateRequest> = {}): GenerateRequest => ({
  requestId,
  promptIds: [1, 2, 3],
  sampling: greedy,
  maxTokens: 40,
  stopIds: [],
  logprobs: null,
  promptLogprobs: null,
  cacheScope: null,
  client: 'a',
  priority: 'batch',
  ...changes,
})

interface Course {
  /** Steps from one request to the next. */
  readonly every?: number
  /** Requests to cancel, by step. */
  readonly cancelAt?: ReadonlyMap<number, string>
  readonly grammars?: Grammars
}

/** Submits one request every few steps and runs all of them to their end. */
export function serve(
  runner: RandomModel,
  maxDraft: number,
  requests: readonly GenerateRequest[],
  { every = 1, cancelAt, grammars }: Course = {},
): Map<string, Reply> {
  const engine = new InferenceEngine(runner, limits, VOCABULARY, {
    maxDraft,
    now: () => runner.now,
    grammars: grammars ?? null,
  })
  const replies = new Map<string, Reply>(requests.map(({ requestId }) => [requestId, { tokens: [], end: null }]))
  const waiting = [...requests]
  for (let step = 0; waiting.length > 0 || engine.busy; step += 1) {
    if (step % every === 0) for (const next of waiting.splice(0, 1)) engine.submit(next)
    const leaving = cancelAt?.get(step)
    if (leaving !== undefined) engine.cancel(leaving)
    engine.step()
    for (const output of engine.takeOutputs()) {
      const { tokens, end } = replies.get(output.requestId) ?? { tokens: [], end: null }
      if (end !== null) throw new Error(`an output after the end of ${output.requestId}`)
      if (output.kind === 'tokens') replies.set(output.requestId, { tokens: [...tokens, ...output.tokens], end })
      else if (output.kind !== 'prompt') replies.set(output.requestId, { tokens, end: output })
    }
  }
  const { running, waiting: queued, freeSlots } = engine.stats()
  if (running !== 0 || queued !== 0 || freeSlots !== SLOTS)
    throw new Error(`${running} run, ${queued} wait and ${freeSlots} slots are free after the end`)
  return replies
}

/** The parts of a reply that speculation must not change. */
export function shown({ tokens, end }: Reply): unknown {
  if (end?.kind === 'done') return { tokens, finishReason: end.finishReason, completionTokens: end.completionTokens }
  return { tokens, end }
}

const sampling = fc.record({
  temperature: fc.constantFrom(0, 0, 0.3, 1),
  topP: fc.constantFrom(1, 0.8),
  topK: fc.constantFrom(0, 3),
  minP: fc.constantFrom(0, 0.1),
  repetitionPenalty: fc.constantFrom(1, 1.2),
  frequencyPenalty: fc.constantFrom(0, 0, 0.4),
  presencePenalty: fc.constantFrom(0, 0, 0.3),
  logitBias: fc.constantFrom({}, { 3: 2, 7: -100 }),
  seed: fc.nat(1000),
})
/** A prefix of many prompts. */
const common = Array.from({ length: 24 }, (_, at) => (at * 5 + (at >> 2)) % VOCABULARY)
const words = fc.array(fc.integer({ min: 0, max: VOCABULARY - 1 }), { minLength: 1, maxLength: 20 })
/** Any request that a client may make. */
export const wish = fc.record({
  promptIds: fc.oneof(
    words,
    fc
      .tuple(fc.integer({ min: 12, max: 24 }), words)
      .map(([shared, own]) => [...common.slice(0, shared), ...own.slice(0, 3)]),
  ),
  cacheScope: fc.constantFrom(null, 'k', 'k'),
  priority: fc.constantFrom('interactive' as const, 'batch' as const),
  sampling,
  maxTokens: fc.integer({ min: 0, max: 44 }),
  stopIds: fc.uniqueArray(fc.integer({ min: 0, max: VOCABULARY - 1 }), { maxLength: 2 }),
  logprobs: fc.constantFrom(null, 0, 2),
  promptLogprobs: fc.constantFrom(null, null, 1),
})
