/** The streams of the fake console: they start at the call and end when the caller leaves or aborts. */
import type { CancelSignal } from '../base/cancel-signal.ts'
import type { Emitter } from '../base/emitter.ts'
import type { Change } from '../domain/change.ts'

interface Source<Value> {
  /** Removes and returns the next value; undefined while there is none. */
  next(): Value | undefined
  add(value: Value): void
}

function queue<Value>(): Source<Value> {
  const values: Value[] = []
  return { next: () => values.shift(), add: (value) => void values.push(value) }
}

/** Changes that may wait for a slow reader before it has to look at everything again. */
const MAX_WAITING = 50

/** Changes that wait, without duplicates. */
function merged(): Source<Change> {
  let changes: readonly Change[] = []
  const isNoted = (change: Change): boolean =>
    changes.some((other) => other.kind === 'everything' || JSON.stringify(other) === JSON.stringify(change))
  return {
    next: () => {
      const [next, ...rest] = changes
      changes = rest
      return next
    },
    add: (change) => {
      if (!isNoted(change)) changes = changes.length < MAX_WAITING ? [...changes, change] : [{ kind: 'everything' }]
    },
  }
}

function latest<Value>(first: Value): Source<Value> {
  let value: Value | undefined = first
  return {
    next: () => {
      const taken = value
      value = undefined
      return taken
    },
    add: (next) => {
      value = next
    },
  }
}

function stream<Event, Value>(
  emitter: Emitter<Event>,
  source: Source<Value>,
  pick: (event: Event) => Value | undefined,
  signal: CancelSignal | undefined,
): AsyncIterable<Value> {
  let wake = (): void => undefined
  const listener = emitter.on((event) => {
    const value = pick(event)
    if (value === undefined) return
    source.add(value)
    wake()
  })
  const aborted = (): void => wake()
  signal?.addEventListener('abort', aborted)
  return (async function* () {
    try {
      for (;;) {
        if (signal?.aborted) return
        const value = source.next()
        if (value !== undefined) yield value
        else
          await new Promise<void>((resolve) => {
            wake = resolve
          })
      }
    } finally {
      signal?.removeEventListener('abort', aborted)
      listener.dispose()
    }
  })()
}

/** The `first` values, then what `pick` makes of every event since the call; undefined skips an event. */
export function eventStream<Event, Value>(
  emitter: Emitter<Event>,
  signal: CancelSignal | undefined,
  pick: (event: Event) => Value | undefined,
  first: readonly Value[] = [],
): AsyncIterable<Value> {
  const source = queue<Value>()
  for (const value of first) source.add(value)
  return stream(emitter, source, pick, signal)
}

/** The present value, then the newest one whenever it changed. */
export function valueStream<Value>(emitter: Emitter<Value>, value: Value, signal?: CancelSignal): AsyncIterable<Value> {
  return stream(emitter, latest(value), (next) => next, signal)
}

/** Every change since the call; one who reads slowly gets each change once. */
export function changeStream(emitter: Emitter<Change>, signal?: CancelSignal): AsyncIterable<Change> {
  return stream(emitter, merged(), (change) => change, signal)
}
