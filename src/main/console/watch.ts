import type { Listen } from '../../shared/base/emitter.ts'
import type { Change } from '../../shared/domain/change.ts'

/** Changes that may wait for a slow reader before it is told to look at everything again. */
const MAX_WAITING = 50
/** The least time between two values of {@link watchLatest}, ms: progress moves faster than anybody reads. */
const REST_MS = 200

/** Every change since the call, until the signal aborts. A reader that falls behind gets one `everything`. */
export async function* watchChanges(listen: Listen<Change>, signal: AbortSignal): AsyncIterable<Change> {
  let waiting: Change[] = []
  let wake: () => void = () => undefined
  const listening = listen((change) => {
    const isNoted = waiting.some((other) => sameChange(other, change))
    if (!isNoted) waiting = waiting.length < MAX_WAITING ? [...waiting, change] : [{ kind: 'everything' }]
    wake()
  })
  const onAbort = (): void => wake()
  signal.addEventListener('abort', onAbort)
  try {
    while (!signal.aborted) {
      const [change, ...rest] = waiting
      if (change === undefined) {
        await new Promise<void>((resolve) => (wake = resolve))
        continue
      }
      waiting = rest
      yield change
    }
  } finally {
    listening.dispose()
    signal.removeEventListener('abort', onAbort)
  }
}

function sameChange(a: Change, b: Change): boolean {
  if (a.kind === 'everything') return true
  return a.kind === b.kind && (a.kind !== 'conversations' || b.kind !== 'conversations' || a.id === b.id)
}

/** The value now, then after every change, at most five times a second, until the signal aborts. */
export async function* watchLatest<Value>(
  read: () => Promise<Value>,
  listen: Listen<unknown>,
  signal: AbortSignal,
): AsyncIterable<Value> {
  let isChanged = true
  let wake: () => void = () => undefined
  const onChange = (): void => {
    isChanged = true
    wake()
  }
  const listening = listen(onChange)
  signal.addEventListener('abort', onChange)
  let shown = ''
  try {
    while (!signal.aborted) {
      if (!isChanged) {
        await new Promise<void>((resolve) => (wake = resolve))
        continue
      }
      isChanged = false
      const value = await read()
      const text = JSON.stringify(value)
      if (text === shown) continue
      shown = text
      yield value
      await pause(REST_MS, signal)
    }
  } finally {
    listening.dispose()
    signal.removeEventListener('abort', onChange)
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, ms)
    signal.addEventListener('abort', end)
  })
}
