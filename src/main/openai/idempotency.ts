import { createHash } from 'node:crypto'
import { raceAbort } from '../../shared/base/cancel-signal.ts'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import type { OpenReply } from './open-replies.ts'

const KEEP_MS = 600_000
/** Beyond this number of kept answers, the oldest is dropped. */
const MAX_KEPT_ANSWERS = 256
const MAX_KEPT_CHARACTERS = 128 * 1024

export interface WholeAnswer {
  readonly body: string
  readonly headers: Readonly<Record<string, string>>
}

interface Entry {
  readonly fingerprint: string
  /** null for a stream, which cannot be shared. */
  readonly answer: Promise<WholeAnswer> | null
  readonly controller: AbortController
  callers: number
  kept: boolean
}

/**
 * Idempotency-Key: requests with the same key and body share one generation and its answer. Short answers are kept for
 * ten minutes, for clients that retry after a broken connection.
 */
export class Idempotency {
  readonly #entries = new Map<string, Entry>()
  /** Timers that drop the kept answers, oldest first. */
  readonly #kept = new Map<string, NodeJS.Timeout>()

  /**
   * The generation is aborted when its last caller has left.
   * @param scope the caller's key id and Idempotency-Key.
   * @throws SwitchboardError idempotency_conflict; the reason of the caller's signal; the errors of `start`.
   */
  async share(
    scope: string,
    fingerprint: string,
    { signal }: Pick<OpenReply, 'signal'>,
    start: (signal: AbortSignal) => Promise<WholeAnswer>,
  ): Promise<WholeAnswer> {
    const entry = this.#find(scope, fingerprint) ?? this.#start(scope, fingerprint, start)
    if (entry.answer === null)
      throw new SwitchboardError('idempotency_conflict', 'A stream with this Idempotency-Key is running.')
    entry.callers++
    try {
      return await raceAbort(entry.answer, signal, () => signal.reason)
    } finally {
      entry.callers--
      if (entry.callers === 0 && !entry.kept) {
        this.#drop(scope, entry)
        entry.controller.abort(signal.reason)
      }
    }
  }

  /** Reserves a key for a stream. Returns a function that releases it. @throws SwitchboardError idempotency_conflict */
  claim(scope: string, fingerprint: string): () => void {
    if (this.#find(scope, fingerprint) !== undefined)
      throw new SwitchboardError('idempotency_conflict', 'This Idempotency-Key is in use.')
    const entry = { fingerprint, answer: null, controller: new AbortController(), callers: 1, kept: false }
    this.#entries.set(scope, entry)
    return () => this.#drop(scope, entry)
  }

  #find(scope: string, fingerprint: string): Entry | undefined {
    const entry = this.#entries.get(scope)
    if (entry !== undefined && entry.fingerprint !== fingerprint)
      throw new SwitchboardError('idempotency_conflict', 'This Idempotency-Key belongs to a different request.')
    return entry
  }

  #start(scope: string, fingerprint: string, start: (signal: AbortSignal) => Promise<WholeAnswer>): Entry {
    const controller = new AbortController()
    const answer = start(controller.signal).then((whole) => {
      entry.kept = this.#entries.get(scope) === entry && whole.body.length <= MAX_KEPT_CHARACTERS
      if (entry.kept) this.#keep(scope)
      return whole
    })
    const entry: Entry = { fingerprint, answer, controller, callers: 0, kept: false }
    this.#entries.set(scope, entry)
    return entry
  }

  #keep(scope: string): void {
    this.#kept.set(scope, setTimeout(() => this.#forget(scope), KEEP_MS).unref())
    const [oldest] = this.#kept.keys()
    if (this.#kept.size > MAX_KEPT_ANSWERS && oldest !== undefined) this.#forget(oldest)
  }

  #forget(scope: string): void {
    clearTimeout(this.#kept.get(scope))
    this.#kept.delete(scope)
    this.#entries.delete(scope)
  }

  /** A later request may already have its own entry under this key. */
  #drop(scope: string, entry: Entry): void {
    if (this.#entries.get(scope) === entry) this.#entries.delete(scope)
  }
}

/** Digest of path and parsed body, which tells whether two requests are the same. */
export function fingerprintOf(path: string, body: unknown): string {
  return createHash('sha256').update(path).update('\n').update(JSON.stringify(body)).digest('hex')
}

/** The value of the header; null without one. @throws SwitchboardError invalid_request */
export function idempotencyKey(header: string | readonly string[] | undefined): string | null {
  if (header === undefined) return null
  if (typeof header !== 'string' || !/^[\x21-\x7e]{1,255}$/.test(header))
    throw new SwitchboardError('invalid_request', 'Idempotency-Key is not 1 to 255 visible ASCII characters.', {
      param: 'Idempotency-Key',
    })
  return header
}
