import type { GenerateRequest, RequestOutput, TokenOutput } from '../../shared/contracts/engine.ts'
import type { EngineStats } from '../../shared/domain/engine.ts'
import { SwitchboardError, serialise } from '../../shared/errors/switchboard-error.ts'
import { StepCosts } from './costs/step-costs.ts'
import type { GrammarMatcher, Grammars } from './grammar/grammars.ts'
import type { ChunkLogits } from './runtime/decoder.ts'
import { coverSlots } from './runtime/spans.ts'
import { withLogProbability } from './sampling/log-probabilities.ts'
import { bestToken, Sampler } from './sampling/sampler.ts'
import { TokenHistory } from './sampling/token-history.ts'
import { MeasuredBudget } from './scheduler/chunk-budget.ts'
import {
  Scheduler,
  type DecodeStep,
  type Ended,
  type PrefillStep,
  type SchedulerLimits,
  type StepOutcome,
  type StepPlan,
} from './scheduler/scheduler.ts'
import { SlotMemory, type CacheUse, type Reuse } from './scheduler/slot-memory.ts'
import { Speculator } from './speculation/speculator.ts'

/** What the loop needs of a decoder; the real one is runtime/decoder.ts. */
export interface StepRunner {
  readonly longestSpan: number
  decode(first: number, tokens: readonly (number | null)[]): void
  prefill(slot: number, ids: ArrayLike<number>, start: number, count: number, logits: ChunkLogits): void
  logitRow(row: number): Float32Array
  /** Goes on after the first `positions` of what a slot holds; 0 begins anew. */
  keep(slot: number, positions: number): void
  /** Whether {@link copyPrefix} can be used. */
  readonly copiesPrefixes: boolean
  /** Gives a slot the first `positions` of another. */
  copyPrefix(from: number, to: number, positions: number): void
}

export interface LoopOptions {
  /**
   * Tokens of the longest draft that may be verified in one run (Leviathan et al. 2023); 0 does without speculation.
   */
  readonly longestDraft?: number
  /** What is known already of how long runs take; the loop goes on measuring. */
  readonly costs?: StepCosts
  /** ms; steady. */
  readonly now?: () => number
  /** null: requests with a grammar are refused. */
  readonly grammars?: Grammars | null
}

interface Sequence {
  readonly request: GenerateRequest
  readonly history: TokenHistory
  readonly stopIds: ReadonlySet<number>
  lastToken: number
  /** null without a grammar, and once it refuses nothing any more. */
  matcher: GrammarMatcher | null
  /** Spent on the grammar so far. */
  grammarMs: number
}

/**
 * The loop of one model: plan -> run -> sample -> absorb. Token ids only; knows nothing of processes or of text. The
 * caller
 * calls {@link step} while {@link busy}, and lets messages in between steps.
 */
export class InferenceEngine {
  readonly #runner: StepRunner
  readonly #vocabularySize: number
  readonly #scheduler: Scheduler
  readonly #memory: SlotMemory
  readonly #slots: number
  readonly #sampler: Sampler
  readonly #costs: StepCosts
  readonly #speculator: Speculator | null
  readonly #now: () => number
  readonly #grammars: Grammars | null
  readonly #sequences = new Map<string, Sequence>()
  #outputs: RequestOutput[] = []
  #pressing = false
  #steps = 0
  #speed = { since: 0, tokens: 0, perSecond: 0 }
  /**
   * Running mean of how long a request takes from the first chunk of its prompt, ms: what a refused caller is told to
   * wait.
   */
  #requestMs = 2000

  constructor(
    runner: StepRunner,
    limits: SchedulerLimits,
    vocabularySize: number,
    { longestDraft = 0, costs = new StepCosts(), now = () => performance.now(), grammars = null }: LoopOptions = {},
  ) {
    this.#runner = runner
    this.#vocabularySize = vocabularySize
    this.#memory = new SlotMemory({
      slots: limits.slots,
      contextLength: limits.contextLength,
      copies: runner.copiesPrefixes,
    })
    this.#scheduler = new Scheduler(limits, this.#memory, new MeasuredBudget(costs, limits.prefillChunk))
    this.#slots = limits.slots
    this.#sampler = new Sampler(vocabularySize)
    this.#costs = costs
    this.#speculator = longestDraft > 0 ? new Speculator(longestDraft, costs) : null
    this.#now = now
    this.#grammars = grammars
    this.#speed.since = now()
  }

  get busy(): boolean {
    return this.#scheduler.running > 0
  }

  stats(): EngineStats {
    const now = this.#now()
    const elapsed = now - this.#speed.since
    if (elapsed >= 500)
      this.#speed = { since: now, tokens: 0, perSecond: Math.round((this.#speed.tokens / elapsed) * 10_000) / 10 }
    const { running, waiting, freeSlots } = this.#scheduler
    return {
      running,
      waiting,
      slots: this.#slots,
      freeSlots,
      steps: this.#steps,
      tokensPerSecond: this.#speed.perSecond,
    }
  }

  /** Takes a request in; a refusal is an output like any other, and costs no computation. */
  submit(request: GenerateRequest): void {
    const { requestId, promptIds, maxTokens, promptLogprobs, client, priority } = request
    const foreign = promptIds.find((id) => !Number.isInteger(id) || id < 0 || id >= this.#vocabularySize)
    if (foreign !== undefined) {
      this.#refuse(
        requestId,
        new SwitchboardError(
          'invalid_request',
          `token id ${foreign} is outside the vocabulary of ${this.#vocabularySize}`,
          { param: 'promptIds' },
        ),
      )
      return
    }
    const shape = {
      requestId,
      promptTokens: promptIds.length,
      maxTokens,
      scorePrompt: promptLogprobs !== null,
      cache: cacheUseOf(request),
      client,
      priority,
    }
    const refusal = this.#scheduler.refusal(shape)
    if (refusal !== null) {
      const wait = refusal.reason === 'queue_full' ? { retryAfterSeconds: this.#retryAfterSeconds() } : {}
      this.#refuse(requestId, new SwitchboardError(refusal.reason, refusal.message, wait))
      return
    }
    let matcher: GrammarMatcher | null = null
    try {
      matcher = this.#follow(request)
    } catch (failure) {
      this.#put({ kind: 'failed', requestId, error: serialise(failure) })
      return
    }
    this.#scheduler.add(shape, this.#now())
    this.#sequences.set(requestId, {
      request,
      history: new TokenHistory(promptIds),
      stopIds: new Set(request.stopIds),
      lastToken: -1,
      matcher,
      grammarMs: 0,
    })
  }

  /** Ends a request now; one that has ended already is left alone. */
  cancel(requestId: string): void {
    const ended = this.#scheduler.cancel(requestId, this.#now())
    if (ended !== null) this.#finish(ended)
  }

  /**
   * Whether an output waits that should leave at once: a first token, an end, a failure. Later tokens can travel
   * together.
   */
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
    const plan = this.#scheduler.plan(this.#now())
    if (plan === null) return
    const outcomes: StepOutcome[] = []
    try {
      this.#advance(plan, outcomes)
      if (plan.prefill !== null) this.#prefill(plan.prefill, outcomes)
    } catch (failure) {
      this.#failStep(plan, failure)
      throw failure
    }
    this.#steps += 1
    for (const ended of this.#scheduler.absorb(plan, outcomes, this.#now())) this.#finish(ended)
  }

  /** Every running reply by one token, or, where that pays, by the tokens of a draft that prove right. */
  #advance({ decode, prefill }: StepPlan, outcomes: StepOutcome[]): void {
    const drafts = this.#speculator?.propose(decode, prefill?.count ?? 0, this.#fitting)
    const plain =
      drafts === undefined || drafts.size === 0 ? decode : decode.filter(({ requestId }) => !drafts.has(requestId))
    if (plain.length > 0) {
      const started = this.#now()
      this.#decode(plain, outcomes)
      this.#costs.recordDecode(plain.length, this.#now() - started)
    }
    if (plain.length === decode.length) return
    for (const step of decode) {
      const draft = drafts?.get(step.requestId)
      if (draft === undefined) continue
      const started = this.#now()
      this.#speculator?.accept(step.requestId, this.#verify(step, draft, outcomes))
      this.#costs.recordVerify(draft.length + 1, this.#now() - started)
    }
  }

  /** Tokens of a draft that the reply's grammar does not refuse: no row is run for others. */
  readonly #fitting = (requestId: string, draft: Int32Array): number => {
    const sequence = this.#sequence(requestId)
    if (sequence.matcher === null) return draft.length
    const started = this.#now()
    const fitting = sequence.matcher.fitting(draft)
    sequence.grammarMs += this.#now() - started
    return fitting
  }

  /**
   * Runs a draft after the last token of a reply, draws after each as plain decoding would (the draw depends on logits,
   * history
   * and position alone), and ends where the drawn token is not the proposed one. One outcome a drawn token.
   * @returns how many tokens of the draft were accepted.
   */
  #verify({ requestId, slot, position }: DecodeStep, draft: Int32Array, outcomes: StepOutcome[]): number {
    const sequence = this.#sequence(requestId)
    this.#runner.prefill(slot, [sequence.lastToken, ...draft], 0, draft.length + 1, 'all')
    let accepted = 0
    for (;;) {
      // What the slot stands for grows by what agreed alone; the rest of the run is overwritten by the next.
      this.#memory.write(slot, position + accepted, sequence.lastToken)
      const drawn = this.#sample(requestId, position + 1 + accepted, this.#runner.logitRow(accepted))
      outcomes.push(drawn)
      if (drawn.outcome !== 'token' || accepted === draft.length || sequence.lastToken !== draft[accepted]) break
      accepted += 1
    }
    this.#runner.keep(slot, position + 1 + accepted)
    return accepted
  }

  #decode(steps: readonly DecodeStep[], outcomes: StepOutcome[]): void {
    const bySlot = new Map(steps.map((step) => [step.slot, step]))
    for (const span of coverSlots(
      steps.map((step) => step.slot),
      this.#runner.longestSpan,
      this.#runCost,
    )) {
      const started = this.#now()
      const rows = Array.from({ length: span.count }, (_, row) => bySlot.get(span.first + row) ?? null)
      this.#runner.decode(
        span.first,
        rows.map((row) => (row === null ? null : this.#sequence(row.requestId).lastToken)),
      )
      rows.forEach((row, index) => {
        if (row === null) return
        this.#memory.write(row.slot, row.position, this.#sequence(row.requestId).lastToken)
        outcomes.push(this.#sample(row.requestId, row.position + 1, this.#runner.logitRow(index)))
      })
      this.#costs.recordRun(span.count, this.#now() - started)
    }
  }

  readonly #runCost = (rows: number): number => this.#costs.run(rows)

  #prefill({ requestId, slot, start, count, last, score, reuse }: PrefillStep, outcomes: StepOutcome[]): void {
    const sequence = this.#sequence(requestId)
    const { promptIds, promptLogprobs, maxTokens } = sequence.request
    if (reuse !== null) this.#takeOver(slot, reuse, cacheUseOf(sequence.request))
    const started = this.#now()
    this.#runner.prefill(slot, promptIds, start, count, score ? 'all' : last ? 'last' : 'none')
    if (!score) this.#costs.recordPrefill(count, this.#now() - started)
    this.#memory.writePrompt(slot, promptIds, start, count)
    try {
      if (score && promptLogprobs !== null) {
        const scored: TokenOutput[] = []
        for (let row = 0; row < count; row += 1) {
          const next = promptIds[start + row + 1]
          if (next === undefined) break
          const logits = this.#runner.logitRow(row)
          // Checked as a draw is: a prompt score from garbage would be a number that looks like one.
          bestToken(logits)
          scored.push(withLogProbability(next, logits, promptLogprobs))
        }
        this.#put({ kind: 'prompt', requestId, tokens: scored }, last)
      }
    } catch (failure) {
      outcomes.push(this.#fault(requestId, failure))
      return
    }
    if (last && maxTokens > 0)
      outcomes.push(this.#sample(requestId, promptIds.length, this.#runner.logitRow(score ? count - 1 : 0)))
  }

  /** A slot keeps what its last request left: the first chunk of the next goes on where the two part. */
  #takeOver(slot: number, reuse: Reuse, cache: CacheUse | null): void {
    if (reuse.from === slot) this.#runner.keep(slot, reuse.tokens)
    else this.#runner.copyPrefix(reuse.from, slot, reuse.tokens)
    this.#memory.begin(slot, cache?.key ?? null, reuse)
  }

  #follow({ grammar, stopIds }: GenerateRequest): GrammarMatcher | null {
    if (grammar === undefined) return null
    if (this.#grammars === null)
      throw new SwitchboardError('invalid_request', 'this engine was loaded without the vocabulary that grammars need')
    return this.#grammars.follow(grammar, stopIds)
  }

  #sample(requestId: string, position: number, logits: Float32Array): StepOutcome {
    const sequence = this.#sequence(requestId)
    const { request, history, stopIds } = sequence
    let token: TokenOutput
    try {
      token =
        sequence.matcher === null
          ? this.#sampler.sample(logits, { sampling: request.sampling, history, position, logprobs: request.logprobs })
          : this.#sampleByGrammar(sequence, sequence.matcher, position, logits)
    } catch (failure) {
      return this.#fault(requestId, failure)
    }
    this.#speed.tokens += 1
    if (stopIds.has(token.id)) return { requestId, outcome: 'stop' }
    sequence.lastToken = token.id
    history.add(token.id)
    const first = position === request.promptIds.length
    if (first && request.speculation !== false) this.#speculator?.begin(requestId, request.promptIds, request.maxTokens)
    this.#speculator?.observe(requestId, token.id)
    this.#put({ kind: 'tokens', requestId, tokens: [token] }, first)
    // Where nothing can follow, the end token is certain: no step is spent on it.
    return { requestId, outcome: sequence.matcher?.finished === true ? 'stop' : 'token' }
  }

  #sampleByGrammar(sequence: Sequence, matcher: GrammarMatcher, position: number, logits: Float32Array): TokenOutput {
    const { request, history } = sequence
    const started = this.#now()
    const mask = matcher.mask()
    const masked = this.#now()
    const token = this.#sampler.sample(logits, {
      sampling: request.sampling,
      history,
      position,
      logprobs: request.logprobs,
      mask,
    })
    const drawn = this.#now()
    matcher.accept(token.id)
    if (matcher.free) sequence.matcher = null
    sequence.grammarMs += masked - started + this.#now() - drawn
    return token
  }

  #fault(requestId: string, failure: unknown): StepOutcome {
    this.#put({ kind: 'failed', requestId, error: serialise(failure) })
    return { requestId, outcome: 'fault' }
  }

  #finish({ requestId, finishReason, completionTokens, cachedTokens, timings }: Ended): void {
    const sequence = this.#sequences.get(requestId)
    this.#sequences.delete(requestId)
    const drafted = this.#speculator?.end(requestId) ?? null
    const computedMs = timings.totalMs - timings.queueMs
    // One that was given up while it waited says nothing of how long others take.
    if (computedMs > 0) this.#requestMs += (computedMs - this.#requestMs) * 0.1
    // A request without a reason has failed and said so already.
    if (finishReason !== null)
      this.#put({
        kind: 'done',
        requestId,
        finishReason,
        completionTokens,
        cachedTokens,
        timings: sequence?.request.grammar === undefined ? timings : { ...timings, grammarMs: sequence.grammarMs },
        ...(drafted === null ? {} : { drafted }),
      })
  }

  #failStep(plan: StepPlan, failure: unknown): void {
    const ids = new Set([
      ...plan.decode.map((step) => step.requestId),
      ...(plan.prefill === null ? [] : [plan.prefill.requestId]),
    ])
    for (const ended of this.#scheduler.absorb(
      plan,
      [...ids].map((requestId) => this.#fault(requestId, failure)),
      this.#now(),
    ))
      this.#finish(ended)
  }

  #refuse(requestId: string, error: SwitchboardError): void {
    this.#put({ kind: 'failed', requestId, error: serialise(error) })
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

  #retryAfterSeconds(): number {
    const rounds = (this.#scheduler.waiting + 1) / this.#slots
    return Math.min(60, Math.max(1, Math.ceil((rounds * this.#requestMs) / 1000)))
  }
}

/**
 * Whose KV a request shares: its key-holder's. Model and precision are the same for everybody in this process; the
 * adapter
 * belongs into the key once there is one. A scored prompt shares nothing: each of its tokens wants its own logits.
 */
function cacheUseOf({ cacheScope, promptIds, promptLogprobs }: GenerateRequest): CacheUse | null {
  return cacheScope === null || promptLogprobs !== null ? null : { key: JSON.stringify([cacheScope]), ids: promptIds }
}
