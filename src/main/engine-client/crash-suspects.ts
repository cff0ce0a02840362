import { createHash } from 'node:crypto'

/** A request that ended the engine this often is not run again. */
const TOO_OFTEN = 2

/** Prompts remembered; the oldest is forgotten first. */
const REMEMBERED = 100

/**
 * Prompts that ran alone when the engine died. One that did so twice is refused from then on: callers retry, and a
 * prompt
 * that hits a defect would otherwise take everybody's engine down again and again.
 */
export class CrashSuspects {
  readonly #counts = new Map<string, number>()

  /** @param running prompts of the requests in the engine at its end; several at once clear each other of suspicion. */
  record(running: readonly (readonly number[])[]): void {
    const [only, another] = running
    if (only === undefined || another !== undefined) return
    const key = fingerprint(only)
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1)
    const oldest = this.#counts.keys().next()
    if (this.#counts.size > REMEMBERED && oldest.done !== true) this.#counts.delete(oldest.value)
  }

  isQuarantined(promptIds: readonly number[]): boolean {
    return this.#counts.size > 0 && (this.#counts.get(fingerprint(promptIds)) ?? 0) >= TOO_OFTEN
  }
}

function fingerprint(promptIds: readonly number[]): string {
  return createHash('sha256').update(promptIds.join(',')).digest('base64')
}
