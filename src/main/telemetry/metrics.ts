import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { EngineState } from '../../shared/domain/engine.ts'
import type { Receipt } from '../../shared/domain/generation.ts'
import { totals } from './engine-overview.ts'

const ENGINE_STATES: readonly EngineState['kind'][] = [
  'off',
  'starting',
  'preparing',
  'loading',
  'ready',
  'restarting',
  'failed',
]
/** Buckets in seconds. */
const FIRST_TOKEN_BUCKETS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]
const GRAMMAR_BUCKETS = [0.000_01, 0.000_03, 0.000_1, 0.000_3, 0.001, 0.003, 0.01, 0.03]
const REPLY_BUCKETS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300]

/** Prometheus metrics. Labels come from closed sets: no names, no keys, no text of customers. */
export class Metrics {
  readonly #registry = new Registry()
  readonly #requests = this.#counter('http_requests_total', 'HTTP requests answered', ['route', 'status'])
  readonly #replies = this.#counter('replies_total', 'Replies ended, by outcome', ['api', 'outcome'])
  readonly #tokens = this.#counter('tokens_total', 'Tokens of finished replies', ['kind'])
  readonly #firstToken = this.#histogram(
    'time_to_first_token_seconds',
    'Submission to first token, queue included',
    FIRST_TOKEN_BUCKETS,
  )
  readonly #replyTime = this.#histogram('reply_seconds', 'Submission to last token', REPLY_BUCKETS)
  readonly #queueTime = this.#histogram(
    'queue_seconds',
    'Arrival in the engine to the start of its prompt',
    FIRST_TOKEN_BUCKETS,
  )
  readonly #grammarTime = this.#histogram(
    'grammar_step_seconds',
    'Mean grammar time per token of a constrained reply',
    GRAMMAR_BUCKETS,
  )
  readonly #activeReplies = this.#gauge('replies_active', 'Replies open at the endpoint')
  readonly #running = this.#gauge('engine_running', 'Requests being decoded')
  readonly #waiting = this.#gauge('engine_waiting', 'Requests waiting for a slot')
  readonly #freeSlots = this.#gauge('engine_free_slots', 'Slots without a request')
  readonly #steps = this.#gauge('engine_steps', 'Steps since the model was loaded')
  readonly #speed = this.#gauge('engine_tokens_per_second', 'Tokens decoded in the last second')
  readonly #engine = this.#gauge('engine_state', 'Engines in each state; unloaded models are not counted', ['state'])
  readonly #memory = this.#gauge('process_resident_memory_bytes', 'Resident memory of the app without the engines')
  readonly #heap = this.#gauge('process_heap_bytes', 'JavaScript heap in use')

  answered(route: string, status: number): void {
    this.#requests.inc({ route, status: String(status) })
  }

  /** @param outcome finish reason or error code. */
  ended(api: 'chat' | 'text', outcome: string, receipt: Receipt | null): void {
    this.#replies.inc({ api, outcome })
    if (receipt === null) return
    this.#tokens.inc({ kind: 'prompt' }, receipt.promptTokens)
    this.#tokens.inc({ kind: 'completion' }, receipt.completionTokens)
    this.#firstToken.observe(receipt.ttftMs / 1000)
    this.#queueTime.observe(receipt.queueMs / 1000)
    this.#replyTime.observe(receipt.totalMs / 1000)
    if (receipt.grammarMs !== undefined && receipt.completionTokens > 0)
      this.#grammarTime.observe(receipt.grammarMs / receipt.completionTokens / 1000)
  }

  /** The metrics in Prometheus' text format. */
  async text(states: readonly EngineState[], activeReplies: number): Promise<string> {
    const stats = totals(states)
    this.#activeReplies.set(activeReplies)
    this.#running.set(stats.running)
    this.#waiting.set(stats.waiting)
    this.#freeSlots.set(stats.freeSlots)
    this.#steps.set(stats.steps)
    this.#speed.set(stats.tokensPerSecond)
    for (const kind of ENGINE_STATES)
      this.#engine.set({ state: kind }, states.filter((state) => state.kind === kind).length)
    const { rss, heapUsed } = process.memoryUsage()
    this.#memory.set(rss)
    this.#heap.set(heapUsed)
    return await this.#registry.metrics()
  }

  get contentType(): string {
    return this.#registry.contentType
  }

  #counter(name: string, help: string, labelNames: string[] = []): Counter {
    return new Counter({ name: `switchboard_${name}`, help, labelNames, registers: [this.#registry] })
  }

  #gauge(name: string, help: string, labelNames: string[] = []): Gauge {
    return new Gauge({ name: `switchboard_${name}`, help, labelNames, registers: [this.#registry] })
  }

  #histogram(name: string, help: string, buckets: number[]): Histogram {
    return new Histogram({ name: `switchboard_${name}`, help, buckets, registers: [this.#registry] })
  }
}
