/** The rate is averaged over at least this long. */
const MIN_WINDOW_MS = 500

/** A refused caller is never told to wait longer. */
const MAX_RETRY_SECONDS = 60

/** What the engine measures of itself for its stats and for refused callers. */
export class EngineMeter {
  #steps = 0
  #window: { readonly sinceMs: number; readonly tokensPerSecond: number }
  #tokens = 0
  /** Running mean of the time from the first chunk of a request to its end, ms. */
  #requestMs = 2000

  constructor(nowMs: number) {
    this.#window = { sinceMs: nowMs, tokensPerSecond: 0 }
  }

  get steps(): number {
    return this.#steps
  }

  countStep(): void {
    this.#steps += 1
  }

  countToken(): void {
    this.#tokens += 1
  }

  /** @param computedMs time without the wait in the queue; requests that never ran are ignored. */
  countRequest(computedMs: number): void {
    if (computedMs > 0) this.#requestMs += (computedMs - this.#requestMs) * 0.1
  }

  /** Tokens per second of the last complete window. */
  tokensPerSecond(nowMs: number): number {
    const elapsed = nowMs - this.#window.sinceMs
    if (elapsed >= MIN_WINDOW_MS) {
      this.#window = { sinceMs: nowMs, tokensPerSecond: Math.round((this.#tokens / elapsed) * 10_000) / 10 }
      this.#tokens = 0
    }
    return this.#window.tokensPerSecond
  }

  /** Seconds until a caller that is refused now is likely to find a place. */
  retryAfterSeconds(waiting: number, slots: number): number {
    const rounds = (waiting + 1) / slots
    return Math.min(MAX_RETRY_SECONDS, Math.max(1, Math.ceil((rounds * this.#requestMs) / 1000)))
  }
}
