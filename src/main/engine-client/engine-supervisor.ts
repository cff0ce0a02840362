import { assertNever } from '../../shared/base/assert-never.ts'
import type { CancelSignal } from '../../shared/base/cancel-signal.ts'
import type { Disposable } from '../../shared/base/disposable.ts'
import { Emitter } from '../../shared/base/emitter.ts'
import type {
  Engine,
  EngineCommand,
  EngineEvent,
  EngineModel,
  GenerateRequest,
  GenerationEvent,
} from '../../shared/contracts/engine.ts'
import type { EngineFullness, EngineState, LoadedModel } from '../../shared/domain/engine.ts'
import type { Priority } from '../../shared/domain/generation.ts'
import { revive, serialise, SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import type { ChildExit, ChildProcessHandle, ProcessLauncher } from '../platform/child-process.ts'
import { checkEvent, isInTurn } from './check-event.ts'
import { CrashSuspects } from './crash-suspects.ts'
import { RequestInbox } from './request-inbox.ts'
import { afterCrash } from './restart-policy.ts'

export interface SupervisorTimings {
  /** Silence after which a loaded engine counts as hung; longer where its steps are ({@link SILENT_STEPS}). */
  readonly silenceMs: number
  /** Start of the process to its first message. */
  readonly helloMs: number
  /** Verification, mapping and warm-up of the weights; nothing is heard meanwhile. */
  readonly loadMs: number
  /** A polite end, before the process is killed. */
  readonly shutdownMs: number
}

/**
 * Steps an engine may take in silence. It answers between steps only, and on a slow machine a step of a large model
 * takes seconds; attention
 * to a long context makes one longer than the first were.
 */
const SILENT_STEPS = 8

/** What an engine fails requests with before it ends itself. */
const engineFaults: readonly string[] = ['engine_fault', 'out_of_memory', 'internal']

/** Older word than this says nothing about the queue; the engine speaks at least this often. */
const STATS_TRUSTED_MS = 1000

const defaultTimings: SupervisorTimings = { silenceMs: 5_000, helloMs: 30_000, loadMs: 15 * 60_000, shutdownMs: 2_000 }

export interface SupervisorOptions {
  readonly model: EngineModel
  readonly launch: ProcessLauncher
  /** Script of the engine process. */
  readonly entry: string
  readonly timings?: Partial<SupervisorTimings>
  /** What the process wrote before it ended unexpectedly: for the log, never for a caller. */
  readonly onCrash?: (report: { readonly model: string; readonly reason: string; readonly output: string }) => void
}

/**
 * One model in one process: starts it, watches it, starts it again. Requests that ran in a process that died end with
 * `engine_crashed` at once and are never replayed: a reply half shown would otherwise begin anew under the reader's
 * eyes.
 */
export class EngineSupervisor implements Engine, Disposable {
  readonly model: EngineModel
  readonly #options: SupervisorOptions
  readonly #timings: SupervisorTimings
  readonly #states = new Emitter<EngineState>()
  readonly #requests = new Map<string, { readonly inbox: RequestInbox; readonly promptIds: readonly number[] }>()
  readonly #idle = new Emitter<void>()
  readonly #suspects = new CrashSuspects()
  readonly #crashes: number[] = []
  /** Crashes since the model was last ready. */
  #unready = 0
  /** Prompts that the engine's last outputs failed: it ends itself after what the runtime refused. */
  #faulted: readonly (readonly number[])[] = []
  #state: EngineState = { kind: 'off' }
  #process: ChildProcessHandle | null = null
  #loaded: LoadedModel | null = null
  #watch: NodeJS.Timeout | null = null
  #restart: NodeJS.Timeout | null = null
  #heardMs = 0
  /** The engine's last word on whose batch requests find no place in its queue, until something says otherwise. */
  #full: (EngineFullness & { readonly sinceMs: number }) | null = null
  #watchedMs = 0
  #killReason: string | null = null
  #closing: 'no' | 'draining' | 'disposed' = 'no'
  #disposal: Promise<void> | null = null

  constructor(options: SupervisorOptions) {
    this.#options = options
    this.model = options.model
    this.#timings = { ...defaultTimings, ...options.timings }
  }

  readonly onState = this.#states.on

  get state(): EngineState {
    return this.#state
  }

  /** @throws SwitchboardError loading before the model was loaded for the first time. */
  get loaded(): LoadedModel {
    if (this.#loaded === null)
      throw new SwitchboardError('loading', `${this.model.name} is being loaded`, { retryAfterSeconds: 2 })
    return this.#loaded
  }

  /** Requests that were handed in and have not ended. */
  get active(): number {
    return this.#requests.size
  }

  /**
   * Starts the process and waits until the model is loaded. A crash on the way is retried like any other.
   * @throws SwitchboardError model_corrupt, provider_unavailable, out_of_memory, engine_failed; cancelled when disposed
   *   meanwhile.
   */
  async start(): Promise<void> {
    if (this.#state.kind === 'off') this.#spawn()
    await this.ready()
  }

  /** Waits for `ready`. @throws SwitchboardError when it became `failed` or `off` instead. */
  async ready(): Promise<void> {
    const settle = (state: EngineState): boolean => {
      if (state.kind === 'ready') return true
      if (state.kind === 'failed') throw revive(state.error)
      if (state.kind === 'off') throw new SwitchboardError('cancelled', `${this.model.name} was unloaded`)
      return false
    }
    if (settle(this.#state)) return
    await new Promise<void>((resolve, reject) => {
      const listening = this.onState((state) => {
        try {
          if (!settle(state)) return
          resolve()
        } catch (failure) {
          reject(failure)
        }
        listening.dispose()
      })
    })
  }

  checkRoom(priority: Priority, client: string): void {
    if (
      priority !== 'batch' ||
      this.#full === null ||
      this.#state.kind !== 'ready' ||
      performance.now() - this.#full.sinceMs > STATS_TRUSTED_MS
    )
      return
    const { clients, seconds } = this.#full
    if (clients !== 'all' && !clients.includes(client)) return
    const reason =
      clients === 'all'
        ? `The queue of ${this.model.name} is full.`
        : `So much of this client waits for ${this.model.name} already that the rest of its queue is kept for others.`
    throw new SwitchboardError('queue_full', reason, { retryAfterSeconds: seconds })
  }

  async *generate(request: GenerateRequest, signal: CancelSignal): AsyncIterable<GenerationEvent> {
    const { requestId } = request
    if (signal.aborted) {
      yield {
        kind: 'done',
        requestId,
        finishReason: 'cancelled',
        completionTokens: 0,
        cachedTokens: 0,
        timings: { queueMs: 0, ttftMs: 0, totalMs: 0 },
      }
      return
    }
    const owner = this.#available()
    if (this.#requests.has(requestId))
      throw new SwitchboardError('invalid_request', `request ${requestId} is already running`)
    if (this.#suspects.isQuarantined(request.promptIds))
      throw new SwitchboardError(
        'engine_fault',
        `This request ended the engine of ${this.model.name} twice and is not run again.`,
      )
    const inbox = new RequestInbox()
    this.#requests.set(requestId, { inbox, promptIds: request.promptIds })
    const cancel = (): void => {
      // The process may be another one by now, which never heard of this request.
      if (inbox.ended || this.#process !== owner) return
      this.#full = null
      send(owner, { kind: 'cancel', requestId })
    }
    signal.addEventListener('abort', cancel, { once: true })
    try {
      send(owner, { kind: 'submit', request })
      for (;;) {
        const event = await inbox.next()
        yield event
        if (event.kind === 'done') return
      }
    } finally {
      signal.removeEventListener('abort', cancel)
      cancel()
      if (this.#requests.get(requestId)?.inbox === inbox) this.#requests.delete(requestId)
      if (this.#requests.size === 0) this.#idle.emit()
    }
  }

  /**
   * Refuses new requests, gives running ones `timeoutMs` to end (0: none), ends the rest with `draining`, then the
   * process.
   */
  async drain(timeoutMs: number): Promise<void> {
    if (timeoutMs > 0 && this.#closing === 'no') await this.#finishRequests(timeoutMs)
    await this.dispose()
  }

  async #finishRequests(timeoutMs: number): Promise<void> {
    this.#closing = 'draining'
    if (this.#requests.size > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, timeoutMs)
        const listening = this.#idle.on(() => {
          if (this.#requests.size > 0) return
          clearTimeout(timer)
          listening.dispose()
          resolve()
        })
      })
    }
  }

  /**
   * Ends the process: the only way to give back all of its memory, on every provider. Resolves once it is gone, or deaf
   * to its end.
   */
  dispose(): Promise<void> {
    this.#disposal ??= this.#end()
    return this.#disposal
  }

  async #end(): Promise<void> {
    this.#closing = 'disposed'
    if (this.#restart !== null) clearTimeout(this.#restart)
    this.#restart = null
    this.#failAll(new SwitchboardError('draining', `${this.model.name} is being unloaded`, { retryAfterSeconds: 2 }))
    const running = this.#process
    if (running !== null) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(() => {
          running.kill()
          // One that waits for a driver is not gone even then, and nobody should wait with it.
          last = setTimeout(resolve, this.#timings.shutdownMs)
        }, this.#timings.shutdownMs)
        let last: NodeJS.Timeout | undefined
        running.onExit(() => {
          clearTimeout(timer)
          clearTimeout(last)
          resolve()
        })
        send(running, { kind: 'shutdown' })
      })
    }
    this.#stopWatching()
    this.#enter({ kind: 'off' })
  }

  /**
   * The process that takes requests now. @throws SwitchboardError draining, loading, engine_failed and what a load
   * failed with.
   */
  #available(): ChildProcessHandle {
    if (this.#closing !== 'no')
      throw new SwitchboardError('draining', `${this.model.name} is being unloaded`, { retryAfterSeconds: 2 })
    if (this.#state.kind === 'failed') throw revive(this.#state.error)
    if (this.#state.kind !== 'ready' || this.#process === null || this.#killReason !== null)
      throw new SwitchboardError('loading', `${this.model.name} is being loaded`, { retryAfterSeconds: 2 })
    return this.#process
  }

  #spawn(): void {
    this.#enter({ kind: 'starting', model: this.model.name })
    this.#killReason = null
    const started = this.#options.launch({ entry: this.#options.entry, name: 'Switchboard engine' })
    this.#process = started
    started.onMessage((message) => {
      if (this.#process === started) this.#receive(started, message)
    })
    started.onExit((exit) => {
      if (this.#process === started) this.#ended(started, exit)
    })
    this.#expectWithin(this.#timings.helloMs, 'did not start in time')
  }

  #receive(from: ChildProcessHandle, message: unknown): void {
    // A process that is being killed may still have bytes on the way; they are not listened to any more.
    if (this.#killReason !== null) return
    const event = checkEvent(message, this.#loaded?.vocabularySize ?? null)
    if (event === null || !isInTurn(event, this.#state.kind)) {
      this.#kill(event === null ? 'sent a message that is none' : `sent ${event.kind} out of turn`)
      return
    }
    this.#heardMs = performance.now()
    this.#handle(from, event)
  }

  #handle(from: ChildProcessHandle, event: EngineEvent): void {
    switch (event.kind) {
      case 'hello':
        this.#enter({ kind: 'loading', model: this.model.name })
        this.#expectWithin(this.#timings.loadMs, 'did not finish loading in time')
        send(from, { kind: 'load', model: this.model })
        return
      case 'loaded':
        this.#loaded = event.loaded
        this.#unready = 0
        this.#watchSilence(Math.max(this.#timings.silenceMs, SILENT_STEPS * event.loaded.fullStepMs))
        this.#enter({ kind: 'ready', loaded: event.loaded, stats: event.stats, pid: from.pid ?? 0 })
        return
      case 'loadFailed':
        // The same files on the same machine fail again: this is told, not retried.
        this.#leaveProcess(from)
        this.#enter({ kind: 'failed', model: this.model.name, error: event.error })
        return
      case 'outputs':
        // Whatever ended made room; the engine's next word tells whether somebody took it.
        if (
          event.outputs.some(
            (output) => output.kind === 'done' || (output.kind === 'failed' && output.error.code !== 'queue_full'),
          )
        )
          this.#full = null
        this.#faulted = event.outputs.flatMap((output) => {
          const failed =
            output.kind === 'failed' && engineFaults.includes(output.error.code)
              ? this.#requests.get(output.requestId)
              : undefined
          return failed === undefined ? [] : [failed.promptIds]
        })
        for (const output of event.outputs) this.#requests.get(output.requestId)?.inbox.push(output)
        return
      case 'stats':
        this.#full = event.stats.full === null ? null : { ...event.stats.full, sinceMs: performance.now() }
        if (this.#state.kind === 'ready') this.#enter({ ...this.#state, stats: event.stats })
        return
      default:
        assertNever(event, 'engine event')
    }
  }

  #ended(gone: ChildProcessHandle, exit: ChildExit): void {
    this.#process = null
    this.#full = null
    this.#stopWatching()
    if (this.#closing === 'disposed') return
    const reason =
      this.#killReason ??
      exit.garbage ??
      (exit.signal === null ? `ended with code ${exit.code}` : `was ended by ${exit.signal}`)
    // A kill from outside says nothing about what was running; an abort, a fault of memory, a hang or what it sent
    // does.
    this.#crashRequests(reason, exit.signal !== 'SIGKILL' || this.#killReason !== null || exit.garbage !== null)
    this.#options.onCrash?.({ model: this.model.name, reason, output: gone.stderrTail() })
    this.#crashes.push(performance.now())
    this.#unready += 1
    const decision = afterCrash(this.#crashes, this.#unready)
    if (decision.kind === 'stop') {
      const error = new SwitchboardError(
        'engine_failed',
        `The engine of ${this.model.name} ${decision.why}; the last time it ${reason}.`,
      )
      this.#enter({ kind: 'failed', model: this.model.name, error: serialise(error) })
      return
    }
    this.#enterRestarting(decision.attempt, reason)
    this.#restart = setTimeout(() => {
      this.#restart = null
      this.#spawn()
    }, decision.delayMs)
  }

  #leaveProcess(process: ChildProcessHandle): void {
    this.#process = null
    this.#stopWatching()
    send(process, { kind: 'shutdown' })
    const timer = setTimeout(() => process.kill(), this.#timings.shutdownMs)
    process.onExit(() => clearTimeout(timer))
  }

  #kill(reason: string): void {
    this.#stopWatching()
    this.#killReason = reason
    // A process that waits for a driver outlives even this signal: those who wait for it are told all the same.
    this.#watch = setTimeout(() => {
      this.#crashRequests(reason, true)
      this.#enterRestarting(this.#unready + 1, reason)
    }, this.#timings.shutdownMs)
    this.#process?.kill('SIGKILL')
  }

  #enterRestarting(attempt: number, reason: string): void {
    const error = serialise(new SwitchboardError('engine_crashed', `The engine of ${this.model.name} ${reason}.`))
    this.#enter({ kind: 'restarting', model: this.model.name, attempt, error })
  }

  /** @param ownFault whether what ran may have been the cause. */
  #crashRequests(reason: string, ownFault: boolean): void {
    const running = [...this.#requests.values()].filter(({ inbox }) => !inbox.ended).map(({ promptIds }) => promptIds)
    if (ownFault) this.#suspects.record([...this.#faulted, ...running])
    this.#faulted = []
    this.#failAll(
      new SwitchboardError('engine_crashed', `The engine of ${this.model.name} ${reason} while answering.`, {
        retryAfterSeconds: 2,
      }),
    )
  }

  #expectWithin(ms: number, failure: string): void {
    this.#stopWatching()
    this.#watch = setTimeout(() => this.#kill(failure), ms)
  }

  /** Looks often, so that a hang is noticed soon after the limit; a machine that slept is forgiven its own silence. */
  #watchSilence(silenceMs: number): void {
    this.#stopWatching()
    this.#watchedMs = this.#heardMs = performance.now()
    this.#watch = setInterval(() => {
      const now = performance.now()
      if (now - this.#watchedMs > silenceMs / 2) this.#heardMs = now
      this.#watchedMs = now
      if (now - this.#heardMs > silenceMs) this.#kill(`was silent for ${silenceMs / 1000} s`)
    }, silenceMs / 10)
  }

  #stopWatching(): void {
    if (this.#watch !== null) clearInterval(this.#watch)
    this.#watch = null
  }

  #failAll(failure: SwitchboardError): void {
    for (const { inbox } of this.#requests.values()) inbox.fail(failure)
    this.#requests.clear()
    this.#idle.emit()
  }

  #enter(state: EngineState): void {
    this.#state = state
    this.#states.emit(state)
  }
}

function send(process: ChildProcessHandle, command: EngineCommand): void {
  process.send(command)
}
