import type { FinishReason, Priority } from '../../../shared/domain/generation.ts'
import type { ChunkBudget } from './chunk-budget.ts'
import { FairQueue } from './fair-queue.ts'
import type {
  DecodeRow,
  Draw,
  Ended,
  PrefillRun,
  Refusal,
  RequestShape,
  SchedulerLimits,
  StepPlan,
  VerifyRun,
} from './plan.ts'
import { nextPrompt, passedBy } from './prompt-order.ts'
import { refusalOf } from './queue-share.ts'
import { SlotMemory } from './slot-memory.ts'
import { coverSlots } from './spans.ts'

interface Entry {
  readonly shape: RequestShape
  readonly client: string
  readonly priority: Priority
  /** Tokens of the prompt. */
  readonly tokens: number
  readonly arrivedMs: number
  slot: number
  /** Prompt tokens computed or reused so far. */
  prefilled: number
  cached: number
  /** See {@link nextPrompt}. */
  passed: number
  /** Tokens sampled, the end token included. */
  generated: number
  lastToken: number
  startedMs: number | null
  firstTokenMs: number | null
}

const NO_DRAFTS: ReadonlyMap<string, readonly number[]> = new Map()

/**
 * Decides what each step runs. A value machine without clock, promise or runtime: {@link plan} changes nothing, and all
 * state changes in {@link add}, {@link cancel} and {@link absorb}. A request waits, then holds a slot (prefill, then
 * decode), then ends, exactly once.
 *
 * Fairness: {@link FairQueue} hands out the slots. Every running reply advances in every step. Beside them runs at most
 * one chunk of one prompt ({@link nextPrompt}), as long as {@link ChunkBudget} allows. Each priority has its own bounded
 * queue, which no client can fill alone ({@link refusalOf}).
 */
export class Scheduler {
  readonly #limits: SchedulerLimits
  readonly #memory: SlotMemory
  readonly #budget: ChunkBudget
  readonly #entries = new Map<string, Entry>()
  readonly #waiting = new FairQueue<Entry>()
  readonly #slots: (Entry | null)[]
  /** Entries that hold a slot and have prompt tokens left, in the order in which they got it. */
  #prompts: readonly Entry[] = []

  constructor(limits: SchedulerLimits, budget: ChunkBudget) {
    this.#limits = limits
    this.#memory = new SlotMemory(limits)
    this.#budget = budget
    this.#slots = Array.from({ length: limits.slots }, () => null)
  }

  get running(): number {
    return this.#entries.size - this.#waiting.size
  }

  get waiting(): number {
    return this.#waiting.size
  }

  get freeSlots(): number {
    return this.#limits.slots - this.running
  }

  /** Requests that get a token in the next step; ascending by slot. */
  get decoding(): string[] {
    return this.#slots
      .filter((entry) => entry !== null && isDecoding(entry))
      .map((entry) => entry?.shape.requestId ?? '')
  }

  /** Takes a request in; the answer says why it was refused, null when it was not. */
  add(shape: RequestShape, nowMs: number): Refusal | null {
    const refusal = this.#refusal(shape)
    if (refusal !== null) return refusal
    const { client, priority } = shape
    const entry: Entry = {
      shape,
      client,
      priority,
      tokens: shape.promptIds.length,
      arrivedMs: nowMs,
      slot: -1,
      prefilled: 0,
      cached: 0,
      passed: 0,
      generated: 0,
      lastToken: -1,
      startedMs: null,
      firstTokenMs: null,
    }
    this.#entries.set(shape.requestId, entry)
    this.#waiting.add(entry)
    this.#admit()
    return null
  }

  /** Ends a request in whatever state it is; null when it has ended already or is unknown. */
  cancel(requestId: string, nowMs: number): Ended | null {
    const entry = this.#entries.get(requestId)
    return entry === undefined ? null : this.#end(entry, 'cancelled', nowMs)
  }

  /**
   * The next step; null when there is nothing to do.
   * @param drafts tokens proposed to follow in some of the {@link decoding} requests. A request with a draft runs on its
   *   own, the others share runs.
   */
  plan(nowMs: number, drafts: ReadonlyMap<string, readonly number[]> = NO_DRAFTS): StepPlan | null {
    const rows = new Map<number, DecodeRow>()
    const verify: VerifyRun[] = []
    for (const entry of this.#slots) {
      if (entry === null || !isDecoding(entry)) continue
      const { requestId, adapters } = entry.shape
      const position = entry.tokens + entry.generated - 1
      const row: DecodeRow = { requestId, slot: entry.slot, position, token: entry.lastToken, adapters }
      const draft = drafts.get(requestId)
      if (draft === undefined || draft.length === 0) rows.set(entry.slot, row)
      else verify.push({ ...row, draft })
    }
    const decode = coverSlots([...rows.keys()], this.#limits.maxSpan).map(({ first, count }) => ({
      first,
      rows: Array.from({ length: count }, (_, at) => rows.get(first + at) ?? null),
    }))
    const prompt = nextPrompt(this.#prompts)
    const prefill = prompt === undefined ? null : this.#chunk(prompt, rows.size + verify.length)
    return decode.length + verify.length === 0 && prefill === null ? null : { nowMs, decode, verify, prefill }
  }

  /**
   * Cached tokens are looked up when a prompt starts, not when it gets its slot: another request may have computed them
   * meanwhile.
   */
  #chunk({ shape, slot, tokens, prefilled, startedMs }: Entry, decoding: number): PrefillRun {
    const { requestId, promptIds, scorePrompt, cacheKey, adapters } = shape
    const reuse = startedMs === null ? this.#memory.reuse(slot, cacheKey, promptIds) : null
    const start = reuse === null ? prefilled : reuse.tokens
    const maxChunk = scorePrompt ? this.#limits.scoreChunk : this.#limits.prefillChunk
    const count = Math.min(maxChunk, this.#budget.tokens(decoding), tokens - start)
    const last = start + count === tokens
    return { requestId, slot, ids: promptIds, start, count, last, score: scorePrompt, reuse, adapters }
  }

  /**
   * Takes in the results of a plan. Requests that were cancelled meanwhile are skipped.
   * @param draws in order: one for each row that decodes, one for each token of a draft that was right and one behind
   *   it, and one for a last chunk unless its maxTokens is 0.
   * @returns the requests that ended.
   */
  absorb({ prefill, nowMs: startedMs }: StepPlan, draws: readonly Draw[], nowMs: number): Ended[] {
    const ended: Ended[] = []
    if (prefill !== null) this.#absorbChunk(prefill, startedMs)
    for (const draw of draws) {
      const entry = this.#entries.get(draw.requestId)
      if (entry === undefined) continue
      // The token before the drawn one was run, so its slot holds it.
      if (entry.generated > 0) this.#memory.write(entry.slot, entry.tokens + entry.generated - 1, entry.lastToken)
      if (draw.outcome === 'fault') {
        // A slot that gave garbage once is not reused.
        this.#memory.forget(entry.slot)
        ended.push(this.#end(entry, null, nowMs))
        continue
      }
      entry.firstTokenMs ??= nowMs
      entry.generated += 1
      if (draw.outcome === 'token') entry.lastToken = draw.token
      if (draw.outcome === 'stop') ended.push(this.#end(entry, 'stop', nowMs))
      else if (entry.generated >= entry.shape.maxTokens) ended.push(this.#end(entry, 'length', nowMs))
    }
    // A request that only scores its prompt ends with the last chunk, unless that was a fault.
    const scored = prefill?.last === true ? this.#entries.get(prefill.requestId) : undefined
    if (scored?.shape.maxTokens === 0) ended.push(this.#end(scored, 'length', nowMs))
    return ended
  }

  #absorbChunk({ requestId, slot, ids, start, count, last, reuse }: PrefillRun, startedMs: number): void {
    const ran = this.#entries.get(requestId)
    if (ran === undefined) {
      this.#memory.forget(slot)
      return
    }
    ran.startedMs ??= startedMs
    if (reuse !== null) {
      this.#memory.begin(slot, ran.shape.cacheKey, reuse)
      ran.cached = reuse.tokens
    }
    this.#memory.writePrompt(slot, ids, start, count)
    ran.prefilled = start + count
    const at = this.#prompts.indexOf(ran)
    for (const [index, waiting] of this.#prompts.entries())
      if (waiting !== ran) waiting.passed += passedBy(waiting, ran, count, index < at)
    if (last) this.#prompts = this.#prompts.filter((prompt) => prompt !== ran)
  }

  /** Why a request is refused, before anything is computed for it; null when it is not. */
  #refusal({ requestId, promptIds: { length }, maxTokens, priority, client }: RequestShape): Refusal | null {
    const { contextLength, queueRequests, queueTokens } = this.#limits
    if (this.#entries.has(requestId))
      return { reason: 'invalid_request', message: `request ${requestId} is already running` }
    if (length < 1) return { reason: 'invalid_request', message: 'the prompt holds no token' }
    if (length + maxTokens > contextLength) {
      return {
        reason: 'context_length_exceeded',
        message: `${length} prompt tokens and ${maxTokens} reply tokens exceed the context of ${contextLength} tokens`,
      }
    }
    if (this.freeSlots > 0) return null
    const message = refusalOf(
      { requests: queueRequests, tokens: queueTokens },
      this.#waiting.loadOf(priority),
      this.#waiting.loadOfClient(priority, client),
      length,
    )
    return message === null ? null : { reason: 'queue_full', message }
  }

  #end(entry: Entry, finishReason: FinishReason | null, nowMs: number): Ended {
    this.#entries.delete(entry.shape.requestId)
    if (entry.slot >= 0) {
      this.#slots[entry.slot] = null
      this.#prompts = this.#prompts.filter((prompt) => prompt !== entry)
      if (finishReason !== null && entry.startedMs !== null) this.#memory.touch(entry.slot)
      this.#admit()
    } else {
      this.#waiting.remove(entry)
    }
    return {
      requestId: entry.shape.requestId,
      finishReason,
      completionTokens: entry.generated,
      cachedTokens: entry.cached,
      timings: {
        queueMs: (entry.startedMs ?? nowMs) - entry.arrivedMs,
        ttftMs: (entry.firstTokenMs ?? nowMs) - entry.arrivedMs,
        totalMs: nowMs - entry.arrivedMs,
      },
    }
  }

  /** Gives free slots to waiting requests: the queue chooses the request, the slot memory its slot. */
  #admit(): void {
    for (;;) {
      const free = [...this.#slots.keys()].filter((slot) => this.#slots[slot] === null)
      const entry = free.length === 0 ? undefined : this.#waiting.take()
      if (entry === undefined) return
      entry.slot = this.#memory.place(free, entry.shape.cacheKey, entry.shape.promptIds)
      this.#slots[entry.slot] = entry
      this.#prompts = [...this.#prompts, entry]
    }
  }
}

function isDecoding({ prefilled, tokens }: Entry): boolean {
  return prefilled === tokens
}
