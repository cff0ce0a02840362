import { createHash } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import type { OpenReply } from './open-replies.ts'

const keptMs = 600_000
const keptEntries = 256
/** A longer answer is not kept once everyone who waited for it has it. */
const keptCharacters = 128 * 1024

export interface WholeAnswer {
  readonly body: string
  readonly headers: Readonly<Record<string, string>>
}

interface Entry {
  readonly fingerprint: string
  readonly until: number
  /** null while a stream runs under this key: a stream cannot be shared. */
  readonly shared: Shared | null
}

interface Shared {
  readonly answer: Promise<WholeAnswer>
  readonly controller: AbortController
  waiting: number
}

/**
 * Idempotency-Key: the same key with the same body is answered by one generation, also when the second request comes
 * while
 * the first is running. Answers are kept ten minutes, so that a client may retry after a broken connection.
 */
export class Idempotency {
  readonly #entries = new Map<string, Entry>()

  /**
   * The generation ends when the last of those who wait for it has left.
   * @param scope the caller's key id and Idempotency-Key.
   * @throws SwitchboardError idempotency_conflict, and whatever `start` throws.
   */
  async share(
    scope: string,
    fingerprint: string,
    caller: OpenReply,
    start: (signal: AbortSignal) => Promise<WholeAnswer>,
  ): Promise<WholeAnswer> {
    const found = this.#find(scope, fingerprint)
    const shared = found === undefined ? this.#start(scope, fingerprint, start) : found.shared
    if (shared === null)
      throw new SwitchboardError('idempotency_conflict', 'A stream with this Idempotency-Key is running.')
    shared.waiting++
    const left = new Promise<never>((_resolve, reject) => {
      const leave = () => {
        shared.waiting--
        if (shared.waiting === 0) this.#abandon(scope, shared, caller.signal.reason)
        reject(caller.signal.reason)
      }
      if (caller.signal.aborted) leave()
      else caller.signal.addEventListener('abort', leave, { once: true })
    })
    return await Promise.race([shared.answer, left])
  }

  /**
   * Marks a stream as running under this key. Returns what ends the mark. @throws SwitchboardError idempotency_conflict
   */
  claim(scope: string, fingerprint: string): () => void {
    if (this.#find(scope, fingerprint) !== undefined)
      throw new SwitchboardError('idempotency_conflict', 'This Idempotency-Key is in use.')
    this.#entries.set(scope, { fingerprint, until: Infinity, shared: null })
    return () => void this.#entries.delete(scope)
  }

  #find(scope: string, fingerprint: string): Entry | undefined {
    const entry = this.#entries.get(scope)
    if (entry === undefined) return undefined
    if (entry.until <= performance.now()) {
      this.#entries.delete(scope)
      return undefined
    }
    if (entry.fingerprint !== fingerprint)
      throw new SwitchboardError('idempotency_conflict', 'This Idempotency-Key belongs to a different request.')
    return entry
  }

  #start(scope: string, fingerprint: string, start: (signal: AbortSignal) => Promise<WholeAnswer>): Shared {
    const controller = new AbortController()
    const answer = start(controller.signal)
    const shared = { answer, controller, waiting: 0 }
    this.#entries.set(scope, { fingerprint, until: Infinity, shared })
    answer.then(
      ({ body }) => this.#keep(scope, { fingerprint, until: performance.now() + keptMs, shared }, body.length),
      () => this.#drop(scope, shared),
    )
    return shared
  }

  /** Nobody waits any more: the next request with this key starts anew instead of sharing what is being stopped. */
  #abandon(scope: string, shared: Shared, reason: unknown): void {
    if (this.#entries.get(scope)?.until === Infinity) this.#drop(scope, shared)
    shared.controller.abort(reason)
  }

  #drop(scope: string, shared: Shared): void {
    if (this.#entries.get(scope)?.shared === shared) this.#entries.delete(scope)
  }

  #keep(scope: string, entry: Entry, characters: number): void {
    if (this.#entries.get(scope)?.shared !== entry.shared) return
    this.#entries.delete(scope)
    if (characters > keptCharacters) return
    this.#entries.set(scope, entry)
    for (const [oldest, { until }] of this.#entries) {
      if (this.#entries.size <= keptEntries) return
      if (until !== Infinity) this.#entries.delete(oldest)
    }
  }
}

/** Digest of a parsed body: what makes two requests the same. */
export function fingerprintOf(path: string, body: unknown): string {
  return createHash('sha256').update(path).update('\n').update(JSON.stringify(body)).digest('hex')
}

/** The header's value, or null. @throws SwitchboardError invalid_request */
export function idempotencyKey(header: string | readonly string[] | undefined): string | null {
  if (header === undefined) return null
  if (typeof header !== 'string' || !/^[\x21-\x7e]{1,255}$/.test(header))
    throw new SwitchboardError('invalid_request', 'Idempotency-Key is not 1 to 255 visible ASCII characters.', {
      param: 'Idempotency-Key',
    })
  return header
}
