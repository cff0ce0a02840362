import { FairQueue, INTERACTIVE_IN_A_ROW, type Queued } from './fair-queue.ts'

/**
 * Whose prompt runs next, among the requests that hold a slot. They begin in the order of a {@link FairQueue} and one is run to
 * its end before the next, but that somebody at the screen does not wait for a program's long prompt: an interactive prompt
 * overtakes a batch prompt that has begun, so many times and no more.
 */
export class PromptOrder<Item extends Queued> {
  readonly #unbegun = new FairQueue<Item>()
  /** The one that runs is the last; before it at most the one that it overtook. */
  readonly #begun: { readonly item: Item; overtaken: number }[] = []

  add(item: Item): void {
    this.#unbegun.add(item)
  }

  /** The prompt whose chunk comes next: the same one until it is removed or overtaken. */
  current(): Item | undefined {
    const top = this.#begun.at(-1)
    if (top === undefined) {
      const next = this.#unbegun.take()
      // A batch prompt that begins although somebody at the screen waits has its turn, and keeps it.
      return this.#begin(next, this.#unbegun.loadOf('interactive').requests > 0 ? INTERACTIVE_IN_A_ROW : 0)
    }
    if (top.item.priority === 'interactive' || top.overtaken >= INTERACTIVE_IN_A_ROW) return top.item
    const faster = this.#begin(this.#unbegun.takeOf('interactive'), 0)
    if (faster === undefined) return top.item
    top.overtaken += 1
    return faster
  }

  /** Its prompt is done, or it has ended. @throws TypeError when it was not here. */
  remove(item: Item): void {
    const at = this.#begun.findIndex((begun) => begun.item === item)
    if (at >= 0) this.#begun.splice(at, 1)
    else this.#unbegun.remove(item)
  }

  #begin(item: Item | undefined, overtaken: number): Item | undefined {
    if (item !== undefined) this.#begun.push({ item, overtaken })
    return item
  }
}
