import type { CancelSignal } from '../../shared/base/cancel-signal.ts'
import type { Disposable } from '../../shared/base/disposable.ts'
import { Emitter } from '../../shared/base/emitter.ts'
import type { Engine, EngineModel } from '../../shared/contracts/engine.ts'
import { graphFiles } from '../../shared/contracts/graph.ts'
import type { EngineState } from '../../shared/domain/engine.ts'
import { engineKey, type Target } from '../../shared/domain/target.ts'
import { serialise, SwitchboardError, type SerialisedError } from '../../shared/errors/switchboard-error.ts'
import type { EngineSupervisor } from './engine-supervisor.ts'

/** Keeps a model loaded until released. */
export interface Lease {
  readonly engine: Engine
  /** Waits while the engine is restarted. @throws SwitchboardError when it failed for good or was unloaded. */
  ready(): Promise<void>
  /** Idempotent. */
  release(): void
}

export interface EnginePoolOptions {
  /**
   * Makes sure that the graph of the target is built. Fails when the files on disk are no longer those of the target.
   * @throws SwitchboardError model_not_found, job_failed, …
   */
  readonly prepare: (
    target: Target,
    onProgress: (fraction: number) => void,
    signal: AbortSignal,
  ) => Promise<EngineModel>
  readonly supervise: (model: EngineModel) => EngineSupervisor
  /**
   * Called when the engine finds a damaged file in the built graph of a target (it hashes everything it loads). The next
   * `prepare` must verify the graph byte by byte and rebuild it.
   */
  readonly distrustGraph: (target: Target, damagedFile: string) => Promise<void>
  /** Engine processes at once; default 2. */
  readonly maxLoaded?: number
}

export interface ModelState {
  /** Catalog name. */
  readonly model: string
  readonly version: number
  /** Engine key of the target, see {@link engineKey}. */
  readonly key: string
  readonly state: EngineState
}

/** A load that failed for lack of memory is retried on the next request after this long. */
const RETRY_MEMORY_MS = 30_000

/** Time that running replies get to end when their model is unloaded, restarted or superseded. */
const DRAIN_MS = 10_000

interface Entry {
  readonly target: Target
  readonly key: string
  readonly abort: AbortController
  state: EngineState
  supervisor: EngineSupervisor | null
  /** Settles when the model is loaded; shared by all waiting callers. */
  loading: Promise<EngineSupervisor>
  loadedOnce: boolean
  leases: number
  lastUsed: number
  /** ms; when a load that failed for lack of memory may be retried. */
  retryAtMs: number | null
}

/**
 * The loaded models: loads on demand, one process per engine key, and keeps the most recently used. At most one entry of
 * a model name stays: when other files (another version, an import under the same name) are loaded, the older entry
 * finishes its replies and goes.
 */
export class EnginePool implements Disposable {
  readonly #options: EnginePoolOptions
  /** By engine key, oldest first. */
  readonly #entries = new Map<string, Entry>()
  /** Entries being unloaded; their memory is not free yet. */
  readonly #leaving = new Map<Entry, Promise<void>>()
  readonly #changes = new Emitter<ModelState>()
  readonly #maxLoaded: number
  #uses = 0
  #draining = false

  constructor(options: EnginePoolOptions) {
    this.#options = options
    this.#maxLoaded = options.maxLoaded ?? 2
  }

  /** Every state change. For a model name with two entries, only the newer one is reported. */
  readonly onChange = this.#changes.on

  /** `off` for a target that is not loaded. */
  stateOf(target: Pick<Target, 'model'>): EngineState {
    return this.#entries.get(engineKey(target))?.state ?? { kind: 'off' }
  }

  /** All models that are loaded, loading, or failed to load. */
  snapshot(): readonly ModelState[] {
    return [...this.#entries.values()].map(stateOfEntry)
  }

  /**
   * Leases the engine of a target and loads it first if needed; concurrent callers share one load.
   * @throws SwitchboardError draining; cancelled when the signal aborts first; queue_full or loading when all processes
   *   are in use or loading; what prepare or the load failed with.
   */
  async acquire(target: Target, signal: CancelSignal): Promise<Lease> {
    if (this.#draining) throw new SwitchboardError('draining', 'The program is closing.')
    if (signal.aborted) throw new SwitchboardError('cancelled', 'The request was stopped.')
    const found = this.#entries.get(engineKey(target))
    if (found !== undefined && isWorthReloading(found)) void this.#leave(found, 0)
    const entry = this.#entries.get(engineKey(target)) ?? this.#open(target)
    const release = this.#hold(entry)
    try {
      const engine = await orAborted(entry.loading, signal)
      return { engine, ready: () => engine.ready(), release }
    } catch (failure) {
      release()
      throw failure
    }
  }

  /** Leases count from the start of the wait, so that a model with waiting callers is not evicted. */
  #hold(entry: Entry): () => void {
    entry.leases += 1
    entry.lastUsed = this.#uses += 1
    let held = true
    return () => {
      if (held) entry.leases -= 1
      held = false
    }
  }

  /**
   * Unloads one entry after its running replies, or after `DRAIN_MS`.
   * @param key as in {@link snapshot}; unknown keys are ignored.
   */
  async unload(key: string): Promise<void> {
    const entry = this.#entries.get(key)
    if (entry !== undefined) await this.#leave(entry, DRAIN_MS)
  }

  /** Ends the process of a target and loads it again: after a failure, or to apply new settings. */
  async restart(target: Target): Promise<void> {
    await this.unload(engineKey(target))
    if (this.#draining) throw new SwitchboardError('draining', 'The program is closing.')
    await (this.#entries.get(engineKey(target)) ?? this.#open(target)).loading
  }

  /** Refuses new work and unloads everything, giving running replies `timeoutMs`. */
  async drain(timeoutMs: number): Promise<void> {
    this.#draining = true
    for (const entry of [...this.#entries.values()]) void this.#leave(entry, timeoutMs)
    // A second call with 0 ends the replies that the first call still waits for.
    if (timeoutMs === 0) for (const { supervisor } of this.#leaving.keys()) void supervisor?.drain(0)
    await Promise.all(this.#leaving.values())
  }

  async dispose(): Promise<void> {
    await this.drain(0)
  }

  #open(target: Target): Entry {
    this.#makeRoom(target.model.name)
    const entry: Entry = {
      target,
      key: engineKey(target),
      abort: new AbortController(),
      state: { kind: 'preparing', model: target.model.name, progress: 0 },
      supervisor: null,
      loading: Promise.reject(new TypeError('not started')),
      loadedOnce: false,
      leases: 0,
      lastUsed: this.#uses,
      retryAtMs: null,
    }
    entry.loading.catch(() => undefined)
    this.#entries.set(entry.key, entry)
    entry.loading = this.#load(entry)
    // Waiting callers get the failure; without any, the state reports it.
    entry.loading.catch(() => undefined)
    return entry
  }

  /**
   * Unloads the least recently used idle entry when all processes are taken. An entry of the same name does not count:
   * it is superseded by the new one.
   * @throws SwitchboardError queue_full, loading.
   */
  #makeRoom(model: string): void {
    const others = [...this.#entries.values()].filter((entry) => entry.target.model.name !== model)
    if (others.length < this.#maxLoaded) return
    const [oldest] = others
      .filter((entry) => entry.leases === 0 && !isLoading(entry.state))
      .sort((a, b) => a.lastUsed - b.lastUsed)
    if (oldest !== undefined) {
      void this.#leave(oldest, 0)
      return
    }
    const names = others.map((entry) => entry.target.model.name).join(', ')
    if (others.some((entry) => isLoading(entry.state)))
      throw new SwitchboardError('loading', `Another model is being loaded (${names}).`, { retryAfterSeconds: 5 })
    throw new SwitchboardError('queue_full', `All loaded models are in use (${names}).`, { retryAfterSeconds: 5 })
  }

  async #load(entry: Entry): Promise<EngineSupervisor> {
    try {
      return await this.#start(entry).catch(async (failure: unknown) => {
        const file = damagedGraphFile(serialise(failure))
        const { supervisor } = entry
        if (file === null || supervisor === null) throw failure
        // Retried once. If the rebuilt graph is damaged too, the error is reported.
        entry.supervisor = null
        await supervisor.drain(0)
        await this.#options.distrustGraph(entry.target, file)
        return await this.#start(entry)
      })
    } catch (failure) {
      // An entry whose engine failed stays, with its reason, until it is restarted; a failed preparation may be retried
      // at once.
      if (entry.supervisor === null && this.#entries.get(entry.key) === entry) {
        this.#entries.delete(entry.key)
        const { model, version, key } = stateOfEntry(entry)
        const cancelled = failure instanceof SwitchboardError && failure.code === 'cancelled'
        const older = this.#newest(model)
        this.#changes.emit(
          older === undefined
            ? {
                model,
                version,
                key,
                state: cancelled ? { kind: 'off' } : { kind: 'failed', model, error: serialise(failure) },
              }
            : stateOfEntry(older),
        )
      }
      throw failure
    }
  }

  async #start(entry: Entry): Promise<EngineSupervisor> {
    const { target, abort } = entry
    const onProgress = (progress: number): void =>
      this.#enter(entry, { kind: 'preparing', model: target.model.name, progress })
    onProgress(0)
    const model = await this.#options.prepare(target, onProgress, abort.signal)
    // Only now: a target whose files are gone must not end the engine that took its name.
    for (const other of this.#entries.values())
      if (other !== entry && other.target.model.name === target.model.name) void this.#leave(other, DRAIN_MS)
    // The memory plan is made for the memory that is free at load time, so entries that are leaving go first.
    await Promise.all(this.#leaving.values())
    if (abort.signal.aborted) throw new SwitchboardError('cancelled', `${target.model.name} was unloaded.`)
    const supervisor = this.#options.supervise(model)
    entry.supervisor = supervisor
    supervisor.onState((state) => {
      if (entry.supervisor === supervisor) this.#enter(entry, state)
    })
    await supervisor.start()
    entry.loadedOnce = true
    return supervisor
  }

  #leave(entry: Entry, timeoutMs: number): Promise<void> {
    this.#entries.delete(entry.key)
    entry.abort.abort()
    const gone = (entry.supervisor?.drain(timeoutMs) ?? Promise.resolve()).then(() => {
      entry.state = { kind: 'off' }
      this.#leaving.delete(entry)
      if (this.#newest(entry.target.model.name) === undefined) this.#changes.emit(stateOfEntry(entry))
    })
    this.#leaving.set(entry, gone)
    return gone
  }

  #enter(entry: Entry, state: EngineState): void {
    entry.state = state
    entry.retryAtMs =
      state.kind === 'failed' && state.error.code === 'out_of_memory' ? performance.now() + RETRY_MEMORY_MS : null
    if (this.#newest(entry.target.model.name) === entry) this.#changes.emit(stateOfEntry(entry))
  }

  /** The entry that a model name stands for. */
  #newest(model: string): Entry | undefined {
    return [...this.#entries.values()].findLast((entry) => entry.target.model.name === model)
  }
}

function stateOfEntry({ target, key, state }: Entry): ModelState {
  return { model: target.model.name, version: target.model.version, key, state }
}

function isLoading(state: EngineState): boolean {
  return state.kind === 'preparing' || state.kind === 'starting' || state.kind === 'loading'
}

/** Whether a failed entry is worth another load: memory may be free by now, or its graph can be rebuilt. */
function isWorthReloading({ state, retryAtMs, loadedOnce }: Entry): boolean {
  if (retryAtMs !== null) return performance.now() >= retryAtMs
  // The graph was whole when it was first loaded and was found damaged when a crashed engine came back.
  return loadedOnce && state.kind === 'failed' && damagedGraphFile(state.error) !== null
}

/** Name of the damaged file of the built graph; null for any other failure. */
function damagedGraphFile({ code, details }: SerialisedError): string | null {
  const file = code === 'model_corrupt' ? details?.['file'] : undefined
  return Object.values(graphFiles).find((name) => name === file) ?? null
}

/** The promise, or `cancelled` when the signal aborts first; the work behind the promise continues for others. */
function orAborted<Value>(promise: Promise<Value>, signal: CancelSignal): Promise<Value> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(new SwitchboardError('cancelled', 'The request was stopped.'))
    signal.addEventListener('abort', onAbort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}
