import type { EngineLimits, EngineTimings } from '../../../shared/contracts/engine.ts'
import type { FinishReason, Priority } from '../../../shared/domain/generation.ts'
import type { ChunkBudget } from './chunk-budget.ts'
import { FairQueue } from './fair-queue.ts'
import { PromptOrder } from './prompt-order.ts'
import { refusalOf } from './queue-share.ts'
import type { CacheUse, Reuse, SlotMemory } from './slot-memory.ts'

export interface SchedulerLimits extends Pick<
  EngineLimits,
  'slots' | 'contextLength' | 'queueRequests' | 'queueTokens' | 'prefillChunk'
> {
  /** Tokens of one chunk of a prompt that is scored (a logit row each). */
  readonly scoreChunk: number
}

/** What the scheduler needs to know of a request: numbers, and what it may share with others. */
export interface RequestShape {
  readonly requestId: string
  readonly promptTokens: number
  readonly maxTokens: number
  /** Every prompt token gets a logit row. */
  readonly scorePrompt: boolean
  /** Whose KV it may take over and leave behind; null for nobody's. */
  readonly cache: CacheUse | null
  readonly client: string
  readonly priority: Priority
}

export interface Refusal {
  readonly reason: 'queue_full' | 'context_length_exceeded' | 'invalid_request'
  readonly message: string
}

/** One token of a running reply: the token sampled last is run at `position`. */
export interface DecodeStep {
  readonly requestId: string
  readonly slot: number
  readonly position: number
}

/** The next chunk of one prompt, tokens [start, start + count). */
export interface PrefillStep {
  readonly requestId: string
  readonly slot: number
  readonly start: number
  readonly count: number
  /** The chunk that ends the prompt: its last row is sampled. */
  readonly last: boolean
  readonly score: boolean
  /** With the first chunk: what of the prompt is taken over, `start` tokens; null with later ones. */
  readonly reuse: Reuse | null
}

export interface StepPlan {
  /** Ascending by slot. */
  readonly decode: readonly DecodeStep[]
  readonly prefill: PrefillStep | null
}

/** What sampling made of one request of the plan. */
export interface StepOutcome {
  readonly requestId: string
  /** `token`: one more; `stop`: the end token was drawn; `fault`: no token could be drawn. */
  readonly outcome: 'token' | 'stop' | 'fault'
}

export interface Ended {
  readonly requestId: string
  /** null when the request failed. */
  readonly finishReason: FinishReason | null
  readonly completionTokens: number
  /** Prompt tokens that were taken over instead of computed. */
  readonly cachedTokens: number
  readonly timings: EngineTimings
}

interface Entry {
  readonly shape: RequestShape
  readonly client: string
  readonly priority: Priority
  /** Of the prompt. */
  readonly tokens: number
  readonly arrivedMs: number
  slot: number
  /** Prompt tokens run or taken over so far. */
  prefilled: number
  cached: number
  /** Tokens sampled, the end token included. */
  generated: number
  startedMs: number | null
  firstTokenMs: number | null
}

/**
 * Who runs when. A value machine: no clock (times are passed in, ms), no promise, no runtime. A request is waiting,
 * then
 * holds a slot (prefill, then decode), then has ended, exactly once, through {@link absorb} or {@link cancel}.
 *
 * Fairness: slots are given as {@link FairQueue} says; every running reply advances in every step; beside them runs at
 * most one
 * chunk of one prompt ({@link PromptOrder}), no longer than the {@link ChunkBudget} allows beside so many replies.
 * Interactive
 * requests have a queue of their own length: programs that fill theirs do not lock out who sits at the screen. And no
 * client
 * fills a queue alone ({@link refusalOf}).
 */
export class Scheduler {
  readonly #limits: SchedulerLimits
  readonly #memory: SlotMemory
  readonly #budget: ChunkBudget
  readonly #entries = new Map<string, Entry>()
  readonly #waiting = new FairQueue<Entry>()
  readonly #slots: (Entry | null)[]
  readonly #prompts = new PromptOrder<Entry>()

  /** @param memory what the slots hold; written by whoever runs the plans. */
  constructor(limits: SchedulerLimits, memory: SlotMemory, budget: ChunkBudget) {
    this.#limits = limits
    this.#memory = memory
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

  /** Why a request would not be taken in, before anything is computed for it; null when it would. */
  refusal({ requestId, promptTokens, maxTokens, priority, client }: RequestShape): Refusal | null {
    const { contextLength } = this.#limits
    if (this.#entries.has(requestId))
      return { reason: 'invalid_request', message: `request ${requestId} is already running` }
    if (promptTokens < 1) return { reason: 'invalid_request', message: 'the prompt holds no token' }
    if (promptTokens + maxTokens > contextLength) {
      return {
        reason: 'context_length_exceeded',
        message: `${promptTokens} prompt tokens and ${maxTokens} reply tokens exceed the context of ${contextLength} tokens`,
      }
    }
    const full = this.#full(priority, client, promptTokens)
    return full === null ? null : { reason: 'queue_full', message: full }
  }

  /** Takes a request in, or answers with the {@link refusal}. */
  add(shape: RequestShape, nowMs: number): Refusal | null {
    const refusal = this.refusal(shape)
    if (refusal !== null) return refusal
    const { client, priority } = shape
    const entry: Entry = {
      shape,
      client,
      priority,
      tokens: shape.promptTokens,
      arrivedMs: nowMs,
      slot: -1,
      prefilled: 0,
      cached: 0,
      generated: 0,
      startedMs: null,
      firstTokenMs: null,
    }
    this.#entries.set(shape.requestId, entry)
    this.#waiting.add(entry)
    this.#admit()
    return null
  }

  /** Ends a request in whatever state it is; null when it has ended already or never was. */
  cancel(requestId: string, nowMs: number): Ended | null {
    const entry = this.#entries.get(requestId)
    return entry === undefined ? null : this.#end(entry, 'cancelled', nowMs)
  }

  /**
   * What to run next; null when there is nothing to do. Each plan is run and taken in ({@link absorb}) before the next
   * is asked for.
   */
  plan(nowMs: number): StepPlan | null {
    const decode: DecodeStep[] = []
    for (const entry of this.#slots) {
      if (entry === null) continue
      const { requestId, promptTokens } = entry.shape
      if (entry.prefilled === promptTokens)
        decode.push({ requestId, slot: entry.slot, position: promptTokens + entry.generated - 1 })
    }
    const filling = this.#prompts.current()
    if (filling === undefined) return decode.length === 0 ? null : { decode, prefill: null }
    return { decode, prefill: this.#chunk(filling, decode.length, nowMs) }
  }

  /**
   * What can be taken over is looked for when a prompt begins, not when it got its slot: others may have computed it
   * meanwhile.
   */
  #chunk(entry: Entry, decoding: number, nowMs: number): PrefillStep {
    const { requestId, promptTokens, scorePrompt, cache } = entry.shape
    const reuse = entry.startedMs === null ? this.#memory.reuse(entry.slot, cache) : null
    entry.startedMs ??= nowMs
    const start = reuse === null ? entry.prefilled : reuse.tokens
    const longest = scorePrompt ? this.#limits.scoreChunk : this.#limits.prefillChunk
    const count = Math.min(longest, this.#budget.tokens(decoding), promptTokens - start)
    return {
      requestId,
      slot: entry.slot,
      start,
      count,
      last: start + count === promptTokens,
      score: scorePrompt,
      reuse,
    }
  }

  /**
   * Takes in what a plan led to. Requests that were cancelled meanwhile are skipped.
   * @param outcomes one for each decode and for a last prefill chunk, unless maxTokens is 0.
   */
  absorb(plan: StepPlan, outcomes: readonly StepOutcome[], nowMs: number): Ended[] {
    const ended: Ended[] = []
    const { prefill } = plan
    const filling = prefill === null ? undefined : this.#entries.get(prefill.requestId)
    if (prefill !== null && filling !== undefined) {
      filling.prefilled = prefill.start + prefill.count
      if (prefill.reuse !== null) filling.cached = prefill.reuse.tokens
      if (prefill.last) this.#prompts.remove(filling)
    }
    for (const { requestId, outcome } of outcomes) {
      const entry = this.#entries.get(requestId)
      if (entry === undefined) continue
      if (outcome === 'fault') {
        // What gave garbage once is not built upon.
        this.#memory.forget(entry.slot)
        ended.push(this.#end(entry, null, nowMs))
        continue
      }
      entry.firstTokenMs ??= nowMs
      entry.generated += 1
      if (outcome === 'stop') ended.push(this.#end(entry, 'stop', nowMs))
      else if (entry.generated >= entry.shape.maxTokens) ended.push(this.#end(entry, 'length', nowMs))
    }
    // A prompt that is scored alone is done with its last chunk, unless that was refused or a fault.
    if (prefill?.last === true && filling?.shape.maxTokens === 0 && this.#entries.has(prefill.requestId))
      ended.push(this.#end(filling, 'length', nowMs))
    return ended
  }

  #end(entry: Entry, finishReason: FinishReason | null, nowMs: number): Ended {
    this.#entries.delete(entry.shape.requestId)
    if (entry.slot >= 0) {
      this.#slots[entry.slot] = null
      if (entry.prefilled < entry.shape.promptTokens) this.#prompts.remove(entry)
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

  /** Who is next is the queue's choice, which slot is the memory's. */
  #admit(): void {
    for (;;) {
      const free = [...this.#slots.keys()].filter((slot) => this.#slots[slot] === null)
      const entry = free.length === 0 ? undefined : this.#waiting.take()
      if (entry === undefined) return
      entry.slot = this.#memory.place(free, entry.shape.cache)
      this.#slots[entry.slot] = entry
      this.#prompts.add(entry)
    }
  }

  /** Why a request of this client and size has to be turned away; null when it need not. */
  #full(priority: Priority, client: string, promptTokens: number): string | null {
    if (this.freeSlots > 0) return null
    const { queueRequests, queueTokens } = this.#limits
    return refusalOf(
      { requests: queueRequests, tokens: queueTokens },
      this.#waiting.loadOf(priority),
      this.#waiting.loadOfClient(priority, client),
      promptTokens,
    )
  }
}
