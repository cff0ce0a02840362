import type { Listen } from '../../shared/base/emitter.ts'
import type { EngineState } from '../../shared/domain/engine.ts'
import type { AppStatus } from '../../shared/domain/status.ts'
import { residentBytes } from './resident-memory.ts'

export interface StatusSources {
  readonly engineState: () => EngineState
  readonly onEngineChange: Listen<unknown>
  readonly endpointUrl: () => string | null
  readonly requests: () => { readonly total: number; readonly active: number }
}

/** Looked at this often for what announces nothing: counts and memory. */
const sampleMs = 1000
/** The least time between two values, so that an engine at full speed does not redraw a window at full speed. */
const restMs = 200
/** Memory moves all the time; smaller changes are not worth a message. */
const memoryStepBytes = 4 * 1024 * 1024

/** Everything the status bar says, at this moment. */
export function readAppStatus(sources: StatusSources): AppStatus {
  const engine = sources.engineState()
  const own = residentBytes(process.pid) ?? 0
  const other = engine.kind === 'ready' ? (residentBytes(engine.pid) ?? 0) : 0
  const memoryBytes = Math.round((own + other) / memoryStepBytes) * memoryStepBytes
  return { engine, endpointUrl: sources.endpointUrl(), requests: sources.requests(), memoryBytes }
}

/**
 * The status now, then whenever it changed, until the signal aborts. A slow reader gets the newest value, never a
 * backlog.
 */
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
        await pause(restMs, signal)
      }
      if (changed || signal.aborted) continue
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, sampleMs)
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
