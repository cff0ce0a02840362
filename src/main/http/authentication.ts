import { createHash, timingSafeEqual } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import type { IncomingMessage } from 'node:http'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import type { Principal } from '../../shared/domain/api-key.ts'

/** Routes that need no key: the health probe, and the console's own code, which contains no customer data. */
export const PUBLIC_ROUTES: ReadonlySet<string> = new Set(['/health', '/console', '/console/*'])

const WINDOW_MS = 60_000
/** Addresses counted at once. */
const MAX_ADDRESSES = 1000

export interface KeyAuthority {
  /** The principal of a secret; null when it is unknown or revoked. Compares digests in constant time. */
  authenticate(secret: string): Promise<Principal | null>
}

/**
 * Turns a request into a principal; nothing else does. Only `Authorization: Bearer` counts: keys in other headers,
 * cookies or the query string are ignored.
 */
export class Authentication {
  readonly #keys: KeyAuthority
  readonly #wrongKeysPerMinute: number
  readonly #wrong = new Map<string, { count: number; until: number }>()
  readonly #consoleSecret: string | null

  /**
   * @param consoleSecret secret of the console, where keys are made, so that it has the rights of any key; null without
   *   a console.
   */
  constructor(keys: KeyAuthority, consoleSecret: string | null, wrongKeysPerMinute: number) {
    this.#keys = keys
    this.#consoleSecret = consoleSecret
    this.#wrongKeysPerMinute = wrongKeysPerMinute
  }

  /**
   * The key is always looked up first, so that guessing by one program does not lock out others at the same address.
   * @throws SwitchboardError unauthorized, or rate_limited after too many wrong keys from one address.
   */
  async resolve(request: IncomingMessage): Promise<Principal> {
    const secret = bearer(request.headers.authorization)
    if (secret === null) throw unauthorized()
    const principal =
      this.#consoleSecret !== null && sameSecret(secret, this.#consoleSecret)
        ? consolePrincipal
        : await this.#keys.authenticate(secret)
    if (principal !== null) return principal
    const waitMs = this.#countWrong(request.socket.remoteAddress ?? '')
    if (waitMs > 0)
      throw new SwitchboardError('rate_limited', 'Too many wrong keys from this address.', {
        retryAfterSeconds: Math.ceil(waitMs / 1000),
      })
    throw unauthorized()
  }

  /** Milliseconds this address must wait; 0 while it is below the limit. */
  #countWrong(address: string): number {
    const now = performance.now()
    const entry = this.#wrong.get(address)
    if (entry === undefined || entry.until <= now) {
      if (this.#wrong.size > MAX_ADDRESSES) this.#wrong.clear()
      this.#wrong.set(address, { count: 1, until: now + WINDOW_MS })
      return 0
    }
    entry.count++
    return entry.count > this.#wrongKeysPerMinute ? entry.until - now : 0
  }
}

const consolePrincipal: Principal = { id: 'console', name: 'console', assistantId: null }

/** Missing, wrong and revoked keys get the same answer. */
const unauthorized = () => new SwitchboardError('unauthorized', 'No valid key came with the request.')

function bearer(header: string | undefined): string | null {
  const match = /^Bearer ([\x21-\x7e]{1,512})$/i.exec(header ?? '')
  return match?.[1] ?? null
}

/** Compares digests, so that the time taken reveals neither length nor content. */
export function sameSecret(given: string, expected: string): boolean {
  const digest = (secret: string) => createHash('sha256').update(secret).digest()
  return timingSafeEqual(digest(given), digest(expected))
}
