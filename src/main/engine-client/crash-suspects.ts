import { createHash } from 'node:crypto'
import { RecentlyUsed } from '../../shared/base/recently-used.ts'

/** A prompt that ended the engine this often is not run again. */
const MAX_CRASHES = 2

/** Prompts remembered. */
const MAX_SUSPECTS = 100

/**
 * Prompts that ran alone when the engine died. One that did so twice is refused from then on: callers retry, and a
 * prompt that hits a defect would otherwise end everybody's engine again and again.
 */
export class CrashSuspects {
  readonly #suspects = new RecentlyUsed<string, { crashes: number }>(MAX_SUSPECTS)

  /** @param running prompts of the requests in the engine at its end; several at once are not suspected. */
  record(running: readonly (readonly number[])[]): void {
    const [only, another] = running
    if (only === undefined || another !== undefined) return
    this.#suspects.get(fingerprint(only), () => ({ crashes: 0 })).crashes += 1
  }

  isQuarantined(promptIds: readonly number[]): boolean {
    return this.#suspects.size > 0 && (this.#suspects.peek(fingerprint(promptIds))?.crashes ?? 0) >= MAX_CRASHES
  }
}

function fingerprint(promptIds: readonly number[]): string {
  return createHash('sha256').update(promptIds.join(',')).digest('base64')
}
