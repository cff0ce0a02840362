import type { CancelSignal } from '../base/cancel-signal.ts'
import type { LoadedModel } from '../domain/engine.ts'
import type { FinishReason } from '../domain/generation.ts'
import { SwitchboardError } from '../errors/switchboard-error.ts'
import type { Engine, EngineTimings, GenerateRequest, GenerationEvent, TokenOutput } from './engine.ts'

/** Scripted answer to one request. */
export interface FakeReply {
  /** Token ids in order. The reply ends earlier at the request's stop ids or token limit, as in the real engine. */
  readonly tokens: readonly number[]
  /** Thrown after this many tokens (0: before the first). */
  readonly failure?: { readonly afterTokens: number; readonly error: SwitchboardError }
  /** Tokens in one event; default 1. */
  readonly batch?: number
  /** Reported as reused prompt tokens; default 0. */
  readonly cachedTokens?: number
}

export interface FakeEngineOptions {
  readonly loaded?: Partial<LoadedModel>
  /** Reply to a request; `turn` counts requests from 0. Default: the prompt's ids in reverse order. */
  readonly reply?: (request: GenerateRequest, turn: number) => FakeReply
  readonly timings?: EngineTimings
}

export const fakeLoadedModel: LoadedModel = {
  model: 'fake',
  precision: 'fp32',
  floats: 'float32',
  provider: 'cpu',
  refusals: [],
  contextLength: 2048,
  vocabularySize: 1000,
  slots: 4,
  lowered: null,
  weightBytes: 1_000_000,
  kvBytes: 100_000,
  loadMs: 10,
  fullStepMs: 1,
}

/**
 * An engine without a process: deterministic, scripted, no clock. Honours cancel (abort and leaving the iteration),
 * stop ids, the token limit, log-probabilities and prompt scoring, and fails on request. `hold` stops it before its
 * next token until `release`, so that a test can act in the middle of a reply.
 */
export class FakeEngine implements Engine {
  readonly loaded: LoadedModel
  /** Every request in the order of arrival. */
  readonly requests: GenerateRequest[] = []
  /** Ids of requests cancelled by abort or by leaving the iteration. */
  readonly cancelled: string[] = []
  /** Number of running requests. */
  running = 0
  readonly #reply: (request: GenerateRequest, turn: number) => FakeReply
  readonly #timings: EngineTimings
  #gate: { readonly open: Promise<void>; readonly release: () => void } | null = null

  constructor(options: FakeEngineOptions = {}) {
    this.loaded = { ...fakeLoadedModel, ...options.loaded }
    this.#reply = options.reply ?? ((request) => ({ tokens: request.promptIds.toReversed() }))
    this.#timings = options.timings ?? { queueMs: 1, ttftMs: 5, totalMs: 20 }
  }

  /** Every reply waits before its next token. */
  hold(): void {
    if (this.#gate !== null) return
    let release: () => void = () => undefined
    const open = new Promise<void>((resolve) => {
      release = resolve
    })
    this.#gate = { open, release }
  }

  release(): void {
    this.#gate?.release()
    this.#gate = null
  }

  async *generate(request: GenerateRequest, signal: CancelSignal): AsyncIterable<GenerationEvent> {
    const { requestId } = request
    const reply = this.#reply(request, this.requests.length)
    this.requests.push(request)
    this.running += 1
    let ended = false
    let emitted = 0
    const finish = (finishReason: FinishReason, completionTokens: number): GenerationEvent => {
      ended = true
      if (finishReason === 'cancelled') this.cancelled.push(requestId)
      return {
        kind: 'done',
        requestId,
        finishReason,
        completionTokens,
        cachedTokens: reply.cachedTokens ?? 0,
        timings: this.#timings,
      }
    }
    try {
      if (request.promptIds.length === 0)
        throw new SwitchboardError('invalid_request', 'the prompt holds no token', { param: 'promptIds' })
      if (request.promptIds.length + request.maxTokens > this.loaded.contextLength) {
        throw new SwitchboardError(
          'context_length_exceeded',
          `prompt ${request.promptIds.length} and reply ${request.maxTokens} exceed the context of ${this.loaded.contextLength} tokens`,
        )
      }
      await this.#turn(signal)
      if (signal.aborted) return yield finish('cancelled', 0)
      const { promptLogprobs } = request
      if (promptLogprobs !== null) {
        yield {
          kind: 'prompt',
          requestId,
          tokens: request.promptIds.slice(1).map((id) => this.#token(id, promptLogprobs)),
        }
      }
      let batch: TokenOutput[] = []
      for (const id of reply.tokens) {
        await this.#turn(signal)
        if (signal.aborted) return yield finish('cancelled', emitted)
        if (reply.failure?.afterTokens === emitted) break
        if (emitted === request.maxTokens) break
        if (request.stopIds.includes(id)) {
          if (batch.length > 0) yield { kind: 'tokens', requestId, tokens: batch }
          return yield finish('stop', emitted + 1)
        }
        batch.push(this.#token(id, request.logprobs))
        emitted += 1
        if (batch.length < (reply.batch ?? 1)) continue
        yield { kind: 'tokens', requestId, tokens: batch }
        batch = []
      }
      if (batch.length > 0) yield { kind: 'tokens', requestId, tokens: batch }
      if (reply.failure !== undefined) {
        ended = true
        throw reply.failure.error
      }
      // A script that ends before the limit stands for an end token, which is counted but not emitted.
      yield emitted === request.maxTokens ? finish('length', emitted) : finish('stop', emitted + 1)
    } finally {
      this.running -= 1
      if (!ended) this.cancelled.push(requestId)
    }
  }

  /** Lets other work run, and waits while held; an abort ends the wait. */
  async #turn(signal: CancelSignal): Promise<void> {
    await Promise.resolve()
    const gate = this.#gate
    if (gate === null || signal.aborted) return
    let onAbort: () => void = () => undefined
    const aborted = new Promise<void>((resolve) => {
      onAbort = resolve
    })
    signal.addEventListener('abort', onAbort, { once: true })
    await Promise.race([gate.open, aborted])
    signal.removeEventListener('abort', onAbort)
  }

  #token(id: number, logprobs: number | null): TokenOutput {
    if (logprobs === null) return { id }
    const top = Array.from({ length: logprobs }, (_, rank) => ({
      id: (id + rank) % this.loaded.vocabularySize,
      logprob: -0.25 * (rank + 1),
    }))
    return { id, logprob: -0.25, ...(logprobs === 0 ? {} : { top }) }
  }
}
