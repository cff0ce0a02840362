import type { Listen } from '../../shared/base/emitter.ts'
import type { AppStatus, ModelStatus } from '../../shared/domain/status.ts'
import { residentBytes } from './resident-memory.ts'

export interface StatusSources {
  /** See AppStatus; memory is added here. */
  readonly models: () => Pick<AppStatus, 'defaultModel' | 'missingDefaultModel'> & {
    readonly models: readonly Omit<ModelStatus, 'memoryBytes'>[]
  }
  readonly onEngineChange: Listen<unknown>
  readonly endpointUrl: () => string | null
  readonly requests: () => { readonly total: number; readonly active: number }
}

/** Polling interval for values without change events (counts, memory), ms. */
const SAMPLE_MS = 1000
/** Minimum time between two values, ms: a busy engine must not redraw the windows at its own rate. */
const MIN_INTERVAL_MS = 200
/** Memory is rounded to this step: it changes constantly, and smaller changes are not worth a message. */
const MEMORY_STEP_BYTES = 4 * 1024 * 1024

/** The current values of the status bar. */
export function readAppStatus(sources: StatusSources): AppStatus {
  const { models, ...rest } = sources.models()
  return {
    ...rest,
    models: models.map((model) => ({
      ...model,
      memoryBytes: rounded(model.state.kind === 'ready' ? residentBytes(model.state.pid) : 0),
    })),
    endpointUrl: sources.endpointUrl(),
    requests: sources.requests(),
    memoryBytes: rounded(residentBytes(process.pid)),
  }
}

function rounded(bytes: number | null): number {
  return Math.round((bytes ?? 0) / MEMORY_STEP_BYTES) * MEMORY_STEP_BYTES
}

/** Yields the current status, then each change, until the signal aborts. A slow reader skips to the newest value. */
export async function* watchAppStatus(sources: StatusSources, signal: AbortSignal): AsyncIterable<AppStatus> {
  let wake: () => void = () => undefined
  let changed = false
  const onChange = (): void => {
    changed = true
    wake()
  }
  const listening = sources.onEngineChange(onChange)
  signal.addEventListener('abort', onChange)
  let shown = ''
  try {
    while (!signal.aborted) {
      changed = false
      const status = readAppStatus(sources)
      const text = JSON.stringify(status)
      if (text !== shown) {
        shown = text
        yield status
        await pause(MIN_INTERVAL_MS, signal)
      }
      if (changed || signal.aborted) continue
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, SAMPLE_MS)
        wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
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
