import { FairQueue, INTERACTIVE_IN_A_ROW, type Queued } from './fair-queue.ts'

export interface Prompt extends Queued {
  /** Tokens run or taken over so far. */
  readonly prefilled: number
  /** Of them taken over: they cost nothing. */
  readonly cached: number
}

interface Begun<Item> {
  readonly item: Item
  /** Times that the screen went before it. */
  overtaken: number
  /** Tokens of the shorter prompts that went before it. */
  passedBy: number
  /** Whether it goes before a longer one itself. */
  readonly passes: boolean
}

/**
 * Whose prompt runs next, among the requests that hold a slot. They begin in the order of a {@link FairQueue} and one
 * is run to
 * its end before the next, with two exceptions, so that nobody waits long for what would not take long:
 *
 * - somebody at the screen does not wait for a program's prompt: an interactive prompt overtakes a batch prompt that
 * has begun, so
 *   many times and no more;
 * - a short prompt does not wait for a long one: a batch prompt passes one that has begun where it is no longer than
 * what that one
 *   has computed itself, less what passed it already, and than what that one still has to run. So a prompt takes at
 * most twice as long as without.
 */
export class PromptOrder<Item extends Prompt> {
  readonly #unbegun = new FairQueue<Item>()
  /** The one that runs is the last; before it those that wait for it, the one that began first at the front. */
  readonly #begun: Begun<Item>[] = []

  add(item: Item): void {
    this.#unbegun.add(item)
  }

  /** The prompt whose chunk comes next: the same one until it is removed, overtaken or passed. */
  current(): Item | undefined {
    const top = this.#begun.at(-1)
    if (top === undefined) {
      const next = this.#unbegun.take()
      // A batch prompt that begins although somebody at the screen waits has its turn, and keeps it.
      return this.#begin(next, {
        overtaken: this.#unbegun.loadOf('interactive').requests > 0 ? INTERACTIVE_IN_A_ROW : 0,
        passes: false,
      })
    }
    if (top.item.priority === 'interactive') return top.item
    const { overtaken } = top
    const faster = overtaken < INTERACTIVE_IN_A_ROW ? this.#unbegun.takeOf('interactive') : undefined
    if (faster !== undefined) {
      for (const begun of this.#begun) begun.overtaken += 1
      return this.#begin(faster, { overtaken: 0, passes: false })
    }
    const spare = top.passes ? 0 : spareTokens(top)
    const shorter = spare > 0 ? this.#unbegun.takeOf('batch', ({ tokens }) => tokens <= spare) : undefined
    if (shorter === undefined) return top.item
    top.passedBy += shorter.tokens
    return this.#begin(shorter, { overtaken, passes: true })
  }

  /** Its prompt is done, or it has ended. @throws TypeError when it was not here. */
  remove(item: Item): void {
    const at = this.#begun.findIndex((begun) => begun.item === item)
    if (at >= 0) this.#begun.splice(at, 1)
    else this.#unbegun.remove(item)
  }

  #begin(item: Item | undefined, how: Pick<Begun<Item>, 'overtaken' | 'passes'>): Item | undefined {
    if (item !== undefined) this.#begun.push({ item, passedBy: 0, ...how })
    return item
  }
}

/** Of the longest prompt that may pass. */
function spareTokens({ item: { tokens, prefilled, cached }, passedBy }: Begun<Prompt>): number {
  return Math.min(prefilled - cached - passedBy, tokens - prefilled)
}
