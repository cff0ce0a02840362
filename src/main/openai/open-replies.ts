import type { Disposable } from '../../shared/base/disposable.ts'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import type { Listen } from '../../shared/base/emitter.ts'
import type { Principal } from '../../shared/domain/api-key.ts'
import type { ReplyLimits } from './reply-limits.ts'

/** One reply in progress. Its signal aborts with a SwitchboardError. */
export interface OpenReply extends Disposable {
  readonly signal: AbortSignal
  abort(reason: SwitchboardError): void
  dispose(): void
}

interface Entry {
  readonly keyId: string
  readonly abort: (reason: SwitchboardError) => void
}

/** All open replies of the endpoint: enforces the limits, ends those of a revoked key, and drains on closing. */
export class OpenReplies implements Disposable {
  readonly #open = new Set<Entry>()
  readonly #perKey = new Map<string, number>()
  readonly #limits: Pick<ReplyLimits, 'repliesPerKey' | 'replyTimeoutMs'>
  readonly #capacity: () => number
  readonly #revocations: Disposable
  #total = 0
  #draining = false
  #emptied: (() => void) | null = null

  constructor(
    keys: { readonly onRevoked: Listen<{ readonly keyId: string }> },
    limits: Pick<ReplyLimits, 'repliesPerKey' | 'replyTimeoutMs'>,
    capacity: () => number,
  ) {
    this.#limits = limits
    this.#capacity = capacity
    this.#revocations = keys.onRevoked(({ keyId }) => {
      for (const entry of [...this.#open])
        if (entry.keyId === keyId) entry.abort(new SwitchboardError('unauthorized', 'The key was revoked.'))
    })
  }

  get counts(): { readonly total: number; readonly active: number } {
    return { total: this.#total, active: this.#open.size }
  }

  get draining(): boolean {
    return this.#draining
  }

  /** @throws SwitchboardError draining; rate_limited when the key has too many open replies; queue_full. */
  open(principal: Principal): OpenReply {
    if (this.#draining) throw new SwitchboardError('draining', 'The endpoint is closing.')
    const count = this.#perKey.get(principal.id) ?? 0
    if (count >= this.#limits.repliesPerKey)
      throw new SwitchboardError('rate_limited', `This key has ${count} replies open, which is its limit.`)
    if (this.#open.size >= this.#capacity())
      throw new SwitchboardError('queue_full', `${this.#open.size} replies are open, which is the limit.`)
    const controller = new AbortController()
    const abort = (reason: SwitchboardError) => controller.abort(reason)
    const timer = setTimeout(
      () =>
        abort(
          new SwitchboardError('deadline_exceeded', `The reply took longer than ${this.#limits.replyTimeoutMs} ms.`),
        ),
      this.#limits.replyTimeoutMs,
    )
    const entry: Entry = { keyId: principal.id, abort }
    this.#perKey.set(principal.id, count + 1)
    this.#open.add(entry)
    this.#total++
    return {
      signal: controller.signal,
      abort,
      dispose: () => {
        clearTimeout(timer)
        if (this.#open.delete(entry)) this.#release(principal.id)
      },
    }
  }

  #release(keyId: string): void {
    const count = (this.#perKey.get(keyId) ?? 1) - 1
    if (count === 0) this.#perKey.delete(keyId)
    else this.#perKey.set(keyId, count)
    if (this.#open.size === 0) this.#emptied?.()
  }

  /**
   * Refuses new replies, waits `waitMs` for the open ones, then ends the rest with `draining`. Resolves when all ended.
   */
  async drain(waitMs: number): Promise<void> {
    this.#draining = true
    if (this.#open.size === 0) return
    const timer = setTimeout(() => this.cut(), waitMs)
    await new Promise<void>((resolve) => (this.#emptied = resolve))
    clearTimeout(timer)
  }

  /** Ends every open reply now. */
  cut(): void {
    for (const entry of [...this.#open])
      entry.abort(new SwitchboardError('draining', 'The endpoint closed before the reply was finished.'))
  }

  async dispose(): Promise<void> {
    await this.#revocations.dispose()
  }
}

/** Why a reply failed: the reason its signal was aborted with, otherwise what was thrown. */
export function endingReason(signal: AbortSignal, thrown: unknown): unknown {
  return signal.aborted && signal.reason instanceof SwitchboardError ? signal.reason : thrown
}
