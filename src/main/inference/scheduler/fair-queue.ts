import type { Priority } from '../../../shared/domain/generation.ts'
import type { Load } from './queue-share.ts'

export interface Queued {
  readonly client: string
  readonly priority: Priority
  /** Of its prompt. */
  readonly tokens: number
}

/** So many interactive requests in a row pass a waiting batch request; then it is its turn. */
export const INTERACTIVE_IN_A_ROW = 4

/**
 * Who is next. Interactive before batch, but batch gets every fifth place while both wait; inside a priority the
 * clients take
 * turns, whatever number of requests each has; inside a client first come, first served. So nobody waits for ever:
 * before a
 * request lie at most its client's earlier ones, each with one of every other client, and the interactive share.
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

  /** One client's part of it. */
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

  remove(item: Item): void {
    const lane = this.#lanes[item.priority]
    const own = lane.get(item.client)
    const at = own?.indexOf(item) ?? -1
    if (own === undefined || at < 0) throw new TypeError('the request does not wait')
    own.splice(at, 1)
    if (own.length === 0) lane.delete(item.client)
    this.#count(item, -1)
  }

  /** Takes the next one out; undefined when nobody waits. */
  take(): Item | undefined {
    const { interactive, batch } = this.#sizes
    const fromBatch = interactive === 0 || (batch > 0 && this.#inARow >= INTERACTIVE_IN_A_ROW)
    this.#inARow = fromBatch || batch === 0 ? 0 : this.#inARow + 1
    return this.takeOf(fromBatch ? 'batch' : 'interactive')
  }

  /** Takes the next one of this priority out that fits, whatever waits beside it; undefined when there is none. */
  takeOf(priority: Priority, fits: (item: Item) => boolean = () => true): Item | undefined {
    const lane = this.#lanes[priority]
    for (const [client, own] of lane) {
      const item = own.find(fits)
      if (item === undefined) continue
      own.splice(own.indexOf(item), 1)
      // To the end of the ring: everybody else's turn comes first.
      lane.delete(client)
      if (own.length > 0) lane.set(client, own)
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
