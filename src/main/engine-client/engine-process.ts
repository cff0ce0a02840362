import { assertNever } from '../../shared/base/assert-never.ts'
import type { Disposable } from '../../shared/base/disposable.ts'
import { Emitter } from '../../shared/base/emitter.ts'
import type { EngineCommand, EngineEvent, EngineModel, RequestOutput } from '../../shared/contracts/engine.ts'
import type { EngineState, LoadedModel } from '../../shared/domain/engine.ts'
import { serialise, SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import type { ChildExit, ChildProcessHandle, ProcessLauncher } from '../platform/child-process.ts'
import { checkEvent, isInTurn } from './check-event.ts'
import { afterCrash } from './restart-policy.ts'

export interface ProcessTimings {
  /** Silence after which a loaded engine counts as hung; longer where its steps are ({@link SILENT_STEPS}). */
  readonly silenceMs: number
  /** Start of the process to its first message. */
  readonly helloMs: number
  /** Verification, mapping and warm-up of the weights, in silence. */
  readonly loadMs: number
  /** Time to end after a shutdown command, before the process is killed. */
  readonly shutdownMs: number
  /** Time to end after SIGKILL, before the engine counts as failed. */
  readonly unkillableMs: number
}

/**
 * Full steps that an engine may take in silence. It answers between steps only, a step of a large model takes seconds on
 * a slow machine, and attention to a long context makes steps longer than those measured at load time.
 */
const SILENT_STEPS = 8

const defaultTimings: ProcessTimings = {
  silenceMs: 5_000,
  helloMs: 30_000,
  loadMs: 15 * 60_000,
  shutdownMs: 2_000,
  unkillableMs: 30_000,
}

export interface EngineProcessOptions {
  readonly model: EngineModel
  readonly launch: ProcessLauncher
  /** Script of the engine process. */
  readonly entry: string
  readonly timings?: Partial<ProcessTimings>
  /** Output of a process that ended unexpectedly: for the log, not for callers. */
  readonly onCrash?: (report: { readonly model: string; readonly reason: string; readonly output: string }) => void
}

export interface Death {
  /** Continues "The engine of NAME". */
  readonly reason: string
  /** Whether a request that ran may have been the cause. */
  readonly isOwnFault: boolean
}

/** Life of the process of one model: start, watch, kill, restart. Knows no requests. */
export class EngineProcess implements Disposable {
  readonly #options: EngineProcessOptions
  readonly #timings: ProcessTimings
  readonly #states = new Emitter<EngineState>()
  readonly #outputs = new Emitter<readonly RequestOutput[]>()
  readonly #deaths = new Emitter<Death>()
  /** Times of all crashes, ms. */
  readonly #crashes: number[] = []
  /** Crashes since the model was last ready. */
  #unready = 0
  #state: EngineState = { kind: 'off' }
  #process: ChildProcessHandle | null = null
  #loaded: LoadedModel | null = null
  #watch: NodeJS.Timeout | null = null
  #restart: NodeJS.Timeout | null = null
  #heardMs = 0
  #watchedMs = 0
  #killReason: string | null = null
  #disposal: Promise<void> | null = null

  constructor(options: EngineProcessOptions) {
    this.#options = options
    this.#timings = { ...defaultTimings, ...options.timings }
  }

  readonly onState = this.#states.on
  readonly onOutputs = this.#outputs.on
  /** Fires before the state changes; everything that ran in the process is lost. */
  readonly onDeath = this.#deaths.on

  get state(): EngineState {
    return this.#state
  }

  /** null before the model was loaded for the first time. */
  get loaded(): LoadedModel | null {
    return this.#loaded
  }

  /** The process that takes requests now; null while there is none. */
  get available(): ChildProcessHandle | null {
    return this.#state.kind === 'ready' && this.#killReason === null ? this.#process : null
  }

  /** Whether commands to this process still arrive. */
  isCurrent(process: ChildProcessHandle): boolean {
    return this.#process === process
  }

  start(): void {
    if (this.#state.kind === 'off') this.#spawn()
  }

  /**
   * Ends the process: the only way to free all of its memory, on every provider. Resolves once it is gone, or did not
   * even end after SIGKILL.
   */
  dispose(): Promise<void> {
    this.#disposal ??= this.#end()
    return this.#disposal
  }

  async #end(): Promise<void> {
    if (this.#restart !== null) clearTimeout(this.#restart)
    this.#restart = null
    const running = this.#process
    if (running !== null) {
      await new Promise<void>((resolve) => {
        let last: NodeJS.Timeout | undefined
        const timer = setTimeout(() => {
          running.kill()
          // A process that waits for a driver survives even this.
          last = setTimeout(resolve, this.#timings.shutdownMs)
        }, this.#timings.shutdownMs)
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

  #spawn(): void {
    this.#enter({ kind: 'starting', model: this.#name })
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
    // Messages of a process that is being killed are ignored.
    if (this.#killReason !== null) return
    const event = checkEvent(message, this.#loaded?.vocabularySize ?? null)
    if (event === null || !isInTurn(event, this.#state.kind)) {
      this.#kill(event === null ? 'sent an invalid message' : `sent ${event.kind} out of turn`)
      return
    }
    this.#heardMs = performance.now()
    this.#handle(from, event)
  }

  #handle(from: ChildProcessHandle, event: EngineEvent): void {
    switch (event.kind) {
      case 'hello':
        this.#enter({ kind: 'loading', model: this.#name })
        this.#expectWithin(this.#timings.loadMs, 'did not finish loading in time')
        send(from, { kind: 'load', model: this.#options.model })
        return
      case 'loaded':
        this.#loaded = event.loaded
        this.#unready = 0
        this.#watchSilence(Math.max(this.#timings.silenceMs, SILENT_STEPS * event.loaded.fullStepMs))
        this.#enter({ kind: 'ready', loaded: event.loaded, stats: event.stats, pid: from.pid ?? 0 })
        return
      case 'loadFailed':
        // The same files on the same machine fail again: reported, not retried.
        this.#leaveProcess(from)
        this.#enter({ kind: 'failed', model: this.#name, error: event.error })
        return
      case 'outputs':
        this.#outputs.emit(event.outputs)
        return
      case 'stats':
        if (this.#state.kind === 'ready') this.#enter({ ...this.#state, stats: event.stats })
        return
      default:
        assertNever(event, 'engine event')
    }
  }

  #ended(gone: ChildProcessHandle, exit: ChildExit): void {
    this.#process = null
    this.#stopWatching()
    if (this.#disposal !== null) return
    const reason =
      this.#killReason ??
      exit.garbage ??
      (exit.signal === null ? `ended with code ${exit.code}` : `was ended by ${exit.signal}`)
    // A SIGKILL from outside says nothing about what was running.
    const isOwnFault = exit.signal !== 'SIGKILL' || this.#killReason !== null || exit.garbage !== null
    this.#deaths.emit({ reason, isOwnFault })
    this.#options.onCrash?.({ model: this.#name, reason, output: gone.stderrTail() })
    this.#crashes.push(performance.now())
    this.#unready += 1
    const decision = afterCrash(this.#crashes, this.#unready)
    if (decision.kind === 'stop') {
      this.#fail(`${decision.why}; the last time it ${reason}`)
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

  /**
   * Kills the process; its exit leads to a restart. A process that waits for a driver survives even SIGKILL: its callers
   * get their error, and then the engine counts as failed until it ends after all. No other is started beside it,
   * because its memory is not free.
   */
  #kill(reason: string): void {
    this.#stopWatching()
    this.#killReason = reason
    this.#watch = setTimeout(() => {
      this.#deaths.emit({ reason, isOwnFault: true })
      this.#enterRestarting(this.#unready + 1, reason)
      this.#watch = setTimeout(
        () => this.#fail(`${reason}, and did not end when it was killed`),
        this.#timings.unkillableMs,
      )
    }, this.#timings.shutdownMs)
    this.#process?.kill('SIGKILL')
  }

  #fail(reason: string): void {
    const error = new SwitchboardError('engine_failed', `The engine of ${this.#name} ${reason}.`)
    this.#enter({ kind: 'failed', model: this.#name, error: serialise(error) })
  }

  #enterRestarting(attempt: number, reason: string): void {
    const error = serialise(new SwitchboardError('engine_crashed', `The engine of ${this.#name} ${reason}.`))
    this.#enter({ kind: 'restarting', model: this.#name, attempt, error })
  }

  #expectWithin(ms: number, failure: string): void {
    this.#stopWatching()
    this.#watch = setTimeout(() => this.#kill(failure), ms)
  }

  /** Checks often, so that a hang is noticed soon after the limit; time in which the machine slept does not count. */
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

  #enter(state: EngineState): void {
    this.#state = state
    this.#states.emit(state)
  }

  get #name(): string {
    return this.#options.model.name
  }
}

function send(process: ChildProcessHandle, command: EngineCommand): void {
  process.send(command)
}
