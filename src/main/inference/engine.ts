import type { AdapterRow, GenerateRequest, RequestOutput, TokenOutput } from '../../shared/contracts/engine.ts'
import type { EngineStats } from '../../shared/domain/engine.ts'
import { SwitchboardError, serialise } from '../../shared/errors/switchboard-error.ts'
import { StepCosts } from './costs/step-costs.ts'
import { EngineMeter } from './engine-meter.ts'
import type { GrammarMatcher, Grammars } from './grammar/grammars.ts'
import type { ChunkLogits } from './runtime/step-inputs.ts'
import { withLogProbability } from './sampling/log-probabilities.ts'
import { bestToken, Sampler } from './sampling/sampler.ts'
import { MeasuredBudget } from './scheduler/chunk-budget.ts'
import {
  requestsOf,
  type DecodeRun,
  type Draw,
  type Ended,
  type PrefillRun,
  type SchedulerLimits,
  type StepPlan,
  type VerifyRun,
} from './scheduler/plan.ts'
import { Scheduler } from './scheduler/scheduler.ts'
import { Sequence } from './sequence.ts'
import { Speculator } from './speculation/speculator.ts'

/** What the loop needs of a decoder; the real one is runtime/decoder.ts. */
export interface StepRunner {
  /** Rows of one decode run. */
  readonly maxSpan: number
  /** Whether {@link copyPrefix} can be used. */
  readonly copiesPrefixes: boolean
  /**
   * One token for each slot from `first` on; null for idle slots.
   * @param adapters of each row, in the order of `tokens`.
   */
  decode(first: number, tokens: readonly (number | null)[], adapters?: readonly (readonly AdapterRow[])[]): void
  /** Several tokens for one slot. */
  prefill(
    slot: number,
    ids: ArrayLike<number>,
    start: number,
    count: number,
    logits: ChunkLogits,
    adapters?: readonly AdapterRow[],
  ): void
  /** Logits of one row of the last run. */
  logitRow(row: number): Float32Array
  /** Keeps the first `positions` of a slot and drops the rest. */
  keep(slot: number, positions: number): void
  /** Gives slot `to` the first `positions` of slot `from`. */
  copyPrefix(from: number, to: number, positions: number): void
}

/** Limits of the loop; the rest of the scheduler's come from the runner. */
export type LoopLimits = Omit<SchedulerLimits, 'maxSpan' | 'copiesPrefixes'>

export interface LoopOptions {
  /** Tokens of the longest draft verified in one run (Leviathan et al. 2023); 0 disables speculation. */
  readonly maxDraft?: number
  /** Initial cost estimates from warm-up; updated while running. */
  readonly costs?: StepCosts
  /** ms; monotonic. */
  readonly now?: () => number
  /** null: requests with a grammar are refused. */
  readonly grammars?: Grammars | null
}

const NO_ADAPTERS: readonly AdapterRow[] = []

/**
 * The loop of one model: plan -> run -> sample -> absorb. Token ids only; no process, no text. The caller calls
 * {@link step} while {@link busy}, and delivers messages between steps.
 */
export class InferenceEngine {
  readonly #runner: StepRunner
  readonly #vocabularySize: number
  readonly #scheduler: Scheduler
  readonly #slots: number
  readonly #sampler: Sampler
  readonly #costs: StepCosts
  readonly #speculator: Speculator | null
  readonly #now: () => number
  readonly #grammars: Grammars | null
  readonly #meter: EngineMeter
  readonly #sequences = new Map<string, Sequence>()
  #outputs: RequestOutput[] = []
  #pressing = false

  constructor(
    runner: StepRunner,
    limits: LoopLimits,
    vocabularySize: number,
    { maxDraft = 0, costs = new StepCosts(), now = () => performance.now(), grammars = null }: LoopOptions = {},
  ) {
    const { maxSpan, copiesPrefixes } = runner
    this.#runner = runner
    this.#vocabularySize = vocabularySize
    this.#scheduler = new Scheduler(
      { ...limits, maxSpan, copiesPrefixes },
      new MeasuredBudget(costs, limits.prefillChunk),
    )
    this.#slots = limits.slots
    this.#sampler = new Sampler(vocabularySize)
    this.#costs = costs
    this.#speculator = maxDraft > 0 ? new Speculator(maxDraft, costs) : null
    this.#now = now
    this.#grammars = grammars
    this.#meter = new EngineMeter(now())
  }

  get busy(): boolean {
    return this.#scheduler.running > 0
  }

  stats(): EngineStats {
    const { running, waiting, freeSlots } = this.#scheduler
    const tokensPerSecond = this.#meter.tokensPerSecond(this.#now())
    return { running, waiting, slots: this.#slots, freeSlots, steps: this.#meter.steps, tokensPerSecond }
  }

  /** Accepts a request, or answers it with `failed`; nothing is computed yet. */
  submit(request: GenerateRequest): void {
    try {
      this.#accept(request)
    } catch (failure) {
      this.#put({ kind: 'failed', requestId: request.requestId, error: serialise(failure) })
    }
  }

  /** @throws SwitchboardError invalid_request, context_length_exceeded, queue_full. */
  #accept(request: GenerateRequest): void {
    const { requestId, promptIds, maxTokens, promptLogprobs, client, priority, adapters = [] } = request
    const foreign = promptIds.find((id) => !Number.isInteger(id) || id < 0 || id >= this.#vocabularySize)
    if (foreign !== undefined)
      throw new SwitchboardError(
        'invalid_request',
        `token id ${foreign} is outside the vocabulary of ${this.#vocabularySize}`,
        { param: 'promptIds' },
      )
    if (adapters.length > 0) throw new SwitchboardError('invalid_request', 'this engine serves no adapters')
    const refusal = this.#scheduler.add(
      {
        requestId,
        promptIds,
        maxTokens,
        scorePrompt: promptLogprobs !== null,
        cacheKey: cacheKeyOf(request),
        adapters: NO_ADAPTERS,
        client,
        priority,
      },
      this.#now(),
    )
    if (refusal !== null) {
      const retryAfterSeconds = this.#meter.retryAfterSeconds(this.#scheduler.waiting, this.#slots)
      const { reason, message } = refusal
      throw new SwitchboardError(reason, message, reason === 'queue_full' ? { retryAfterSeconds } : {})
    }
    try {
      const matcher = this.#follow(request)
      this.#sequences.set(requestId, new Sequence(request, { sampler: this.#sampler, matcher, now: this.#now }))
    } catch (failure) {
      this.#scheduler.cancel(requestId, this.#now())
      throw failure
    }
  }

  /** Ends a request now; a request that has ended already is ignored. */
  cancel(requestId: string): void {
    const ended = this.#scheduler.cancel(requestId, this.#now())
    if (ended !== null) this.#finish(ended)
  }

  /** Whether an output should leave at once: a first token, an end, a failure. Later tokens can travel together. */
  get pressing(): boolean {
    return this.#pressing
  }

  /** Everything that happened since the last call, in order. */
  takeOutputs(): RequestOutput[] {
    const taken = this.#outputs
    this.#outputs = []
    this.#pressing = false
    return taken
  }

  /**
   * One step for every running reply and at most one chunk of a prompt.
   * @throws SwitchboardError what the runtime reported, after the requests of the step were failed with it; the session
   *   may be unusable afterwards.
   */
  step(): void {
    const drafts = this.#speculator?.propose(this.#scheduler.decoding, this.#fitting)
    const plan = this.#scheduler.plan(this.#now(), drafts)
    if (plan === null) return
    const draws: Draw[] = []
    try {
      this.#decode(plan.decode, draws)
      for (const run of plan.verify) this.#verify(run, draws)
      if (plan.prefill !== null) this.#prefill(plan.prefill, draws)
    } catch (failure) {
      this.#absorb(
        plan,
        requestsOf(plan).map((requestId) => this.#fault(requestId, failure)),
      )
      throw failure
    }
    this.#meter.countStep()
    this.#absorb(plan, draws)
  }

  #absorb(plan: StepPlan, draws: readonly Draw[]): void {
    for (const ended of this.#scheduler.absorb(plan, draws, this.#now())) this.#finish(ended)
  }

  readonly #fitting = (requestId: string, draft: readonly number[]): number => this.#sequence(requestId).fitting(draft)

  #decode(runs: readonly DecodeRun[], draws: Draw[]): void {
    if (runs.length === 0) return
    const started = this.#now()
    let replies = 0
    for (const { first, rows } of runs) {
      this.#runner.decode(
        first,
        rows.map((row) => row?.token ?? null),
        rows.map((row) => row?.adapters ?? NO_ADAPTERS),
      )
      for (const [index, row] of rows.entries()) {
        if (row === null) continue
        replies += 1
        draws.push(this.#draw(row.requestId, row.position + 1, this.#runner.logitRow(index)))
      }
    }
    this.#costs.recordDecode(replies, this.#now() - started)
  }

  /**
   * Runs a draft behind the last token of a reply, draws after each token as plain decoding would, and stops where the
   * drawn token is not the proposed one.
   */
  #verify({ requestId, slot, position, token, draft, adapters }: VerifyRun, draws: Draw[]): void {
    const started = this.#now()
    this.#runner.prefill(slot, [token, ...draft], 0, draft.length + 1, 'all', adapters)
    let accepted = 0
    for (;;) {
      const draw = this.#draw(requestId, position + 1 + accepted, this.#runner.logitRow(accepted))
      draws.push(draw)
      if (draw.outcome !== 'token' || accepted === draft.length || draw.token !== draft[accepted]) break
      accepted += 1
    }
    this.#runner.keep(slot, position + 1 + accepted)
    this.#speculator?.record(requestId, draft.length, accepted)
    this.#costs.recordVerify(draft.length + 1, this.#now() - started)
  }

  #prefill({ requestId, slot, ids, start, count, last, score, reuse, adapters }: PrefillRun, draws: Draw[]): void {
    const { promptLogprobs, maxTokens } = this.#sequence(requestId).request
    if (reuse?.from === slot) this.#runner.keep(slot, reuse.tokens)
    else if (reuse !== null) this.#runner.copyPrefix(reuse.from, slot, reuse.tokens)
    const started = this.#now()
    this.#runner.prefill(slot, ids, start, count, score ? 'all' : last ? 'last' : 'none', adapters)
    if (!score) this.#costs.recordPrefill(count, this.#now() - started)
    try {
      if (score && promptLogprobs !== null)
        this.#put({ kind: 'prompt', requestId, tokens: this.#scores(ids, start, count, promptLogprobs) }, last)
    } catch (failure) {
      draws.push(this.#fault(requestId, failure))
      return
    }
    if (last && maxTokens > 0)
      draws.push(this.#draw(requestId, ids.length, this.#runner.logitRow(score ? count - 1 : 0)))
  }

  /** @throws SwitchboardError engine_fault: a score from garbage would look like any other number. */
  #scores(ids: readonly number[], start: number, count: number, alternatives: number): TokenOutput[] {
    const scores: TokenOutput[] = []
    for (let row = 0; row < count; row += 1) {
      const next = ids[start + row + 1]
      if (next === undefined) break
      const logits = this.#runner.logitRow(row)
      bestToken(logits)
      scores.push(withLogProbability(next, logits, alternatives))
    }
    return scores
  }

  #follow({ grammar, stopIds }: GenerateRequest): GrammarMatcher | null {
    if (grammar === undefined) return null
    if (this.#grammars === null)
      throw new SwitchboardError('invalid_request', 'this engine was loaded without the vocabulary that grammars need')
    return this.#grammars.follow(grammar, stopIds)
  }

  #draw(requestId: string, position: number, logits: Float32Array): Draw {
    const sequence = this.#sequence(requestId)
    const { promptIds, maxTokens, speculation } = sequence.request
    try {
      const { token, isStop, isComplete } = sequence.draw(position, logits)
      this.#meter.countToken()
      if (isStop) return { requestId, outcome: 'stop' }
      const isFirst = position === promptIds.length
      if (isFirst && speculation !== false) this.#speculator?.begin(requestId, promptIds, maxTokens)
      this.#speculator?.observe(requestId, token.id)
      this.#put({ kind: 'tokens', requestId, tokens: [token] }, isFirst)
      // When nothing can follow, no step is spent on the end token.
      return isComplete ? { requestId, outcome: 'stop' } : { requestId, outcome: 'token', token: token.id }
    } catch (failure) {
      return this.#fault(requestId, failure)
    }
  }

  #fault(requestId: string, failure: unknown): Draw {
    this.#put({ kind: 'failed', requestId, error: serialise(failure) })
    return { requestId, outcome: 'fault' }
  }

  #finish({ requestId, finishReason, completionTokens, cachedTokens, timings }: Ended): void {
    const grammarMs = this.#sequences.get(requestId)?.grammarMs ?? null
    this.#sequences.delete(requestId)
    const drafted = this.#speculator?.end(requestId) ?? null
    this.#meter.countRequest(timings.totalMs - timings.queueMs)
    // A failed request has been answered already.
    if (finishReason === null) return
    this.#put({
      kind: 'done',
      requestId,
      finishReason,
      completionTokens,
      cachedTokens,
      timings: grammarMs === null ? timings : { ...timings, grammarMs },
      ...(drafted === null ? {} : { drafted }),
    })
  }

  #put(output: RequestOutput, pressing = true): void {
    this.#outputs.push(output)
    this.#pressing ||= pressing
  }

  #sequence(requestId: string): Sequence {
    const sequence = this.#sequences.get(requestId)
    if (sequence === undefined) throw new TypeError(`no sequence for request ${requestId}`)
    return sequence
  }
}

/** A scored prompt shares nothing: every token needs its own logits. */
function cacheKeyOf({ cacheScope, promptLogprobs }: GenerateRequest): string | null {
  return promptLogprobs === null ? cacheScope : null
}
