import type { GenerationEvent, RequestOutput, TokenOutput } from '../../shared/contracts/engine.ts'
import { revive, type SwitchboardError } from '../../shared/errors/switchboard-error.ts'

/**
 * Unread outputs of one request. Tokens that pile up behind a slow reader are merged into one event, so that memory is
 * bounded by the reply itself. The scores of a prompt are merged into one event as well.
 */
export class RequestInbox {
  readonly #events: GenerationEvent[] = []
  #scored: TokenOutput[] | null = null
  #failure: SwitchboardError | null = null
  #wake: (() => void) | null = null
  #ended = false

  /** Whether the request has ended: no more outputs will arrive. */
  get ended(): boolean {
    return this.#ended
  }

  push(output: RequestOutput): void {
    if (this.#ended) return
    if (output.kind === 'failed') {
      this.fail(revive(output.error))
      return
    }
    if (output.kind === 'prompt') {
      this.#scored ??= []
      for (const token of output.tokens) this.#scored.push(token)
      return
    }
    if (this.#scored !== null) {
      this.#events.push({ kind: 'prompt', requestId: output.requestId, tokens: this.#scored })
      this.#scored = null
    }
    const last = this.#events.at(-1)
    if (output.kind === 'tokens' && last?.kind === 'tokens') {
      this.#events[this.#events.length - 1] = { ...last, tokens: [...last.tokens, ...output.tokens] }
    } else this.#events.push(output)
    if (output.kind === 'done') this.#ended = true
    this.#wake?.()
  }

  /** Ends the request with an error, which is thrown after everything received before it. */
  fail(failure: SwitchboardError): void {
    if (this.#ended) return
    this.#ended = true
    this.#failure = failure
    this.#wake?.()
  }

  /** Waits for the next event. @throws SwitchboardError when the request failed and nothing is left to read. */
  async next(): Promise<GenerationEvent> {
    for (;;) {
      const event = this.#events.shift()
      if (event !== undefined) return event
      if (this.#failure !== null) throw this.#failure
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
      this.#wake = null
    }
  }
}
