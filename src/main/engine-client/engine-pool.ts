import type { CancelSignal } from '../../shared/base/cancel-signal.ts'
import type { Disposable } from '../../shared/base/disposable.ts'
import { Emitter } from '../../shared/base/emitter.ts'
import type { Engine, EngineModel } from '../../shared/contracts/engine.ts'
import type { EngineState } from '../../shared/domain/engine.ts'
import { serialise, SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import type { EngineSupervisor } from './engine-supervisor.ts'

/** The right to use a loaded model; it stays loaded until released. */
export interface Lease {
  readonly engine: Engine
  /** Calling twice is harmless. */
  release(): void
}

export interface EnginePoolOptions {
  /** Finds the model and makes sure its graph is built. @throws SwitchboardError model_not_found, job_failed, … */
  readonly prepare: (
    modelName: string,
    onProgress: (fraction: number) => void,
    signal: AbortSignal,
  ) => Promise<EngineModel>
  readonly supervise: (model: EngineModel) => EngineSupervisor
  /** Changes with the files behind the name; a model without revisions never changes while it is loaded. */
  readonly revisionOf?: (modelName: string) => Promise<string>
  /** Processes at once; default 2. */
  readonly maxLoaded?: number
}

export interface ModelState {
  readonly model: string
  readonly state: EngineState
}

/**
 * A model that found too little memory is tried again when it is asked for after this long: what took the memory may be
 * gone.
 */
const RETRY_MEMORY_MS = 30_000

/** How long running replies may take to end when a model is restarted or unloaded on request. */
const DRAIN_MS = 10_000

interface Place {
  readonly name: string
  readonly abort: AbortController
  /** Of the files that are being loaded; null until they were looked at. */
  revision: string | null
  state: EngineState
  supervisor: EngineSupervisor | null
  /** Settles when the model is loaded; shared by everybody who waits for it. */
  loading: Promise<EngineSupervisor>
  leases: number
  lastUsed: number
  /** ms; when a failure for want of memory may be tried again. */
  retryAtMs: number | null
}

/** The loaded models: loads on demand, keeps the most recently used, one process each. */
export class EnginePool implements Disposable {
  readonly #options: EnginePoolOptions
  readonly #places = new Map<string, Place>()
  /** Models that are going away; their memory is not free yet. */
  readonly #leaving = new Map<Place, Promise<void>>()
  readonly #changes = new Emitter<ModelState>()
  readonly #maxLoaded: number
  #uses = 0
  #draining = false

  constructor(options: EnginePoolOptions) {
    this.#options = options
    this.#maxLoaded = options.maxLoaded ?? 2
  }

  /** Every change of every model. */
  readonly onChange = this.#changes.on

  /** `off` for a model that is not here. */
  stateOf(modelName: string): EngineState {
    return this.#places.get(modelName)?.state ?? { kind: 'off' }
  }

  /** All models that are loaded, on their way, or failed. */
  snapshot(): readonly ModelState[] {
    return [...this.#places.values()].map(({ name, state }) => ({ model: name, state }))
  }

  /**
   * A loaded model, loading it first where needed; everybody who asks meanwhile shares that load.
   * @throws SwitchboardError draining; cancelled when the signal aborts first; queue_full or loading when all places
   *   are taken
   *   by models in use or on their way; what prepare or the load failed with.
   * @param revision the files the caller means: a model loaded from others (removed and imported anew under its name)
   *   is
   *   left to its running replies and loaded afresh, so that one model's text never meets another's weights.
   */
  async acquire(modelName: string, signal: CancelSignal, revision?: string): Promise<Lease> {
    for (;;) {
      if (this.#draining) throw new SwitchboardError('draining', 'The program is closing.')
      if (signal.aborted) throw new SwitchboardError('cancelled', 'The request was stopped.')
      const found = this.#places.get(modelName)
      if (found !== undefined && isWorthRetrying(found)) void this.#leave(found, 0)
      const place = this.#places.get(modelName) ?? this.#open(modelName)
      const release = this.#hold(place)
      const isOutdated = (): boolean => revision !== undefined && place.revision !== null && place.revision !== revision
      try {
        const engine = await orAborted(place.loading, signal)
        if (!isOutdated()) return { engine, release }
      } catch (failure) {
        // What other files failed with says nothing about these.
        if (signal.aborted || !isOutdated()) {
          release()
          throw failure
        }
      }
      release()
      // The caller may have looked before the files changed, and the place after.
      if (place.revision === (await this.#options.revisionOf?.(modelName)))
        throw new SwitchboardError('loading', `The files of ${modelName} were replaced just now.`, {
          retryAfterSeconds: 1,
        })
      if (this.#places.get(modelName) === place) void this.#leave(place, DRAIN_MS)
    }
  }

  /** Counted from the start, so that nobody evicts a model somebody is waiting for. */
  #hold(place: Place): () => void {
    place.leases += 1
    place.lastUsed = this.#uses += 1
    let held = true
    return () => {
      if (held) place.leases -= 1
      held = false
    }
  }

  /** Unloads a model after its running replies, or `DRAIN_MS`. */
  async unload(modelName: string): Promise<void> {
    const place = this.#places.get(modelName)
    if (place !== undefined) await this.#leave(place, DRAIN_MS)
  }

  /** Ends the process and loads afresh: after a failure, or so that new settings take effect. */
  async restart(modelName: string): Promise<void> {
    await this.unload(modelName)
    if (this.#draining) throw new SwitchboardError('draining', 'The program is closing.')
    await (this.#places.get(modelName) ?? this.#open(modelName)).loading
  }

  /** Refuses new work and unloads everything, giving running replies `timeoutMs`. */
  async drain(timeoutMs: number): Promise<void> {
    this.#draining = true
    for (const place of [...this.#places.values()]) void this.#leave(place, timeoutMs)
    // Asked again without patience, what is still finishing its replies is ended now.
    if (timeoutMs === 0) for (const { supervisor } of this.#leaving.keys()) void supervisor?.drain(0)
    await Promise.all(this.#leaving.values())
  }

  async dispose(): Promise<void> {
    await this.drain(0)
  }

  #open(modelName: string): Place {
    this.#makeRoom()
    const abort = new AbortController()
    const place: Place = {
      name: modelName,
      abort,
      revision: null,
      state: { kind: 'preparing', model: modelName, progress: 0 },
      supervisor: null,
      loading: Promise.reject(new TypeError('not started')),
      leases: 0,
      lastUsed: this.#uses,
      retryAtMs: null,
    }
    place.loading.catch(() => undefined)
    this.#places.set(modelName, place)
    place.loading = this.#load(place)
    // Whoever waits hears of a failure; when nobody waits, the state tells it.
    place.loading.catch(() => undefined)
    return place
  }

  /**
   * Takes away the least recently used idle model when all places are taken. @throws SwitchboardError queue_full,
   * loading.
   */
  #makeRoom(): void {
    if (this.#places.size < this.#maxLoaded) return
    const places = [...this.#places.values()]
    const idle = places
      .filter((place) => place.leases === 0 && !isOnItsWay(place.state))
      .sort((a, b) => a.lastUsed - b.lastUsed)
    const oldest = idle[0]
    if (oldest !== undefined) {
      void this.#leave(oldest, 0)
      return
    }
    const names = places.map((place) => place.name).join(', ')
    if (places.some((place) => isOnItsWay(place.state)))
      throw new SwitchboardError('loading', `Another model is being loaded (${names}).`, { retryAfterSeconds: 5 })
    throw new SwitchboardError('queue_full', `All loaded models are in use (${names}).`, { retryAfterSeconds: 5 })
  }

  async #load(place: Place): Promise<EngineSupervisor> {
    try {
      this.#enter(place, place.state)
      place.revision = (await this.#options.revisionOf?.(place.name)) ?? null
      const model = await this.#options.prepare(
        place.name,
        (progress) => this.#enter(place, { kind: 'preparing', model: place.name, progress }),
        place.abort.signal,
      )
      // A model is fitted to the memory that is free when it loads, and keeps to that: what is leaving goes first.
      await Promise.all(this.#leaving.values())
      if (place.abort.signal.aborted) throw new SwitchboardError('cancelled', `${place.name} was unloaded.`)
      const supervisor = this.#options.supervise(model)
      place.supervisor = supervisor
      supervisor.onState((state) => this.#enter(place, state))
      await supervisor.start()
      return supervisor
    } catch (failure) {
      // A supervisor that failed keeps its place and its reason until restarted; a failed preparation may be tried
      // again at once.
      if (place.supervisor === null && this.#places.get(place.name) === place) {
        this.#places.delete(place.name)
        const known = failure instanceof SwitchboardError
        this.#changes.emit({
          model: place.name,
          state:
            known && failure.code === 'cancelled'
              ? { kind: 'off' }
              : { kind: 'failed', model: place.name, error: serialise(failure) },
        })
      }
      throw failure
    }
  }

  #leave(place: Place, timeoutMs: number): Promise<void> {
    this.#places.delete(place.name)
    place.abort.abort()
    const gone = (place.supervisor?.drain(timeoutMs) ?? Promise.resolve()).then(() => {
      place.state = { kind: 'off' }
      this.#leaving.delete(place)
      if (!this.#places.has(place.name)) this.#changes.emit({ model: place.name, state: place.state })
    })
    this.#leaving.set(place, gone)
    return gone
  }

  #enter(place: Place, state: EngineState): void {
    place.state = state
    place.retryAtMs =
      state.kind === 'failed' && state.error.code === 'out_of_memory' ? performance.now() + RETRY_MEMORY_MS : null
    // A model that is leaving no longer speaks for its name: its successor may be loading already.
    if (this.#places.get(place.name) === place) this.#changes.emit({ model: place.name, state })
  }
}

function isOnItsWay(state: EngineState): boolean {
  return state.kind === 'preparing' || state.kind === 'starting' || state.kind === 'loading'
}

function isWorthRetrying({ retryAtMs }: Place): boolean {
  return retryAtMs !== null && performance.now() >= retryAtMs
}

/** The promise, or `cancelled` when the signal aborts first; the work behind the promise goes on for others. */
function orAborted<Value>(promise: Promise<Value>, signal: CancelSignal): Promise<Value> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(new SwitchboardError('cancelled', 'The request was stopped.'))
    signal.addEventListener('abort', onAbort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}
