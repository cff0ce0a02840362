import type { Priority } from '../../../shared/domain/generation.ts'
import type { Load } from './queue-share.ts'

export interface Queued {
  readonly client: string
  readonly priority: Priority
  /** Tokens of the prompt. */
  readonly tokens: number
}

/** Interactive requests that may go before a waiting batch request in a row. */
const MAX_INTERACTIVE_IN_A_ROW = 4

/**
 * Waiting requests. Interactive goes before batch, but batch gets every fifth turn while both wait. Within a priority
 * the clients take turns, whatever the number of their requests; within a client the order is first come, first served.
 * So a request waits at most for the earlier ones of its client, one of every other client for each of them, and the
 * interactive share.
 */
export class FairQueue<Item extends Queued> {
  /** Clients in the order of their turns, each with its requests; never an empty list. */
  readonly #lanes: Readonly<Record<Priority, Map<string, Item[]>>> = { interactive: new Map(), batch: new Map() }
  readonly #sizes = { interactive: 0, batch: 0 }
  readonly #tokens = { interactive: 0, batch: 0 }
  #inARow = 0

  get size(): number {
    return this.#sizes.interactive + this.#sizes.batch
  }

  loadOf(priority: Priority): Load {
    return { requests: this.#sizes[priority], tokens: this.#tokens[priority] }
  }

  /** One client's part of {@link loadOf}. */
  loadOfClient(priority: Priority, client: string): Load {
    const own = this.#lanes[priority].get(client) ?? []
    return { requests: own.length, tokens: own.reduce((sum, { tokens }) => sum + tokens, 0) }
  }

  add(item: Item): void {
    const lane = this.#lanes[item.priority]
    const own = lane.get(item.client)
    if (own === undefined) lane.set(item.client, [item])
    else own.push(item)
    this.#count(item, 1)
  }

  /** @throws TypeError when the item is not waiting. */
  remove(item: Item): void {
    const lane = this.#lanes[item.priority]
    const own = lane.get(item.client)
    const at = own?.indexOf(item) ?? -1
    if (own === undefined || at < 0) throw new TypeError('the request is not waiting')
    own.splice(at, 1)
    if (own.length === 0) lane.delete(item.client)
    this.#count(item, -1)
  }

  /** Takes the next item out; undefined when the queue is empty. */
  take(): Item | undefined {
    const { interactive, batch } = this.#sizes
    const fromBatch = interactive === 0 || (batch > 0 && this.#inARow >= MAX_INTERACTIVE_IN_A_ROW)
    this.#inARow = fromBatch || batch === 0 ? 0 : this.#inARow + 1
    const lane = this.#lanes[fromBatch ? 'batch' : 'interactive']
    for (const [client, [item, ...rest]] of lane) {
      if (item === undefined) continue
      // To the end of the ring: the turns of all other clients come first.
      lane.delete(client)
      if (rest.length > 0) lane.set(client, rest)
      this.#count(item, -1)
      return item
    }
    return undefined
  }

  #count({ priority, tokens }: Item, requests: 1 | -1): void {
    this.#sizes[priority] += requests
    this.#tokens[priority] += requests * tokens
  }
}
