import type { CancelSignal } from '../../shared/base/cancel-signal.ts'
import type { Disposable } from '../../shared/base/disposable.ts'
import { Emitter } from '../../shared/base/emitter.ts'
import type {
  Engine,
  EngineCommand,
  EngineModel,
  GenerateRequest,
  GenerationEvent,
  RequestOutput,
} from '../../shared/contracts/engine.ts'
import type { EngineState, LoadedModel } from '../../shared/domain/engine.ts'
import { revive, SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import type { ChildProcessHandle } from '../platform/child-process.ts'
import { CrashSuspects } from './crash-suspects.ts'
import { EngineProcess, type Death, type EngineProcessOptions } from './engine-process.ts'
import { RequestInbox } from './request-inbox.ts'

/** Errors with which an engine fails its requests before it ends itself. */
const engineFaults: readonly string[] = ['engine_fault', 'out_of_memory', 'internal']

interface OpenRequest {
  readonly inbox: RequestInbox
  readonly promptIds: readonly number[]
}

/**
 * The engine of one model as its callers see it: routes requests to the process and outputs to their readers. Requests
 * in a process that dies end with `engine_crashed` at once and are never replayed, because a reply that is half shown
 * would start again before the reader's eyes.
 */
export class EngineSupervisor implements Engine, Disposable {
  readonly model: EngineModel
  readonly #process: EngineProcess
  readonly #requests = new Map<string, OpenRequest>()
  readonly #idle = new Emitter<void>()
  readonly #suspects = new CrashSuspects()
  /** Prompts that failed with the engine's last outputs: it ends itself after an error of the runtime. */
  #faulted: readonly (readonly number[])[] = []
  #closing = false

  constructor(options: EngineProcessOptions) {
    this.model = options.model
    this.#process = new EngineProcess(options)
    this.#process.onOutputs((outputs) => this.#receive(outputs))
    this.#process.onDeath((death) => this.#crash(death))
    this.onState = this.#process.onState
  }

  readonly onState: EngineProcess['onState']

  get state(): EngineState {
    return this.#process.state
  }

  /** @throws SwitchboardError loading before the model was loaded for the first time. */
  get loaded(): LoadedModel {
    const { loaded } = this.#process
    if (loaded === null) throw this.#unavailable('loading', 'loaded')
    return loaded
  }

  /** Requests that were submitted and have not ended. */
  get active(): number {
    return this.#requests.size
  }

  /**
   * Starts the process and waits until the model is loaded. A crash on the way is retried like any other.
   * @throws SwitchboardError model_corrupt, provider_unavailable, out_of_memory, engine_failed; cancelled when disposed
   *   meanwhile.
   */
  async start(): Promise<void> {
    this.#process.start()
    await this.ready()
  }

  /** Waits for `ready`. @throws SwitchboardError when the state becomes `failed` or `off` instead. */
  async ready(): Promise<void> {
    const settle = (state: EngineState): boolean => {
      if (state.kind === 'ready') return true
      if (state.kind === 'failed') throw revive(state.error)
      if (state.kind === 'off') throw new SwitchboardError('cancelled', `${this.model.name} was unloaded`)
      return false
    }
    if (settle(this.state)) return
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

  async *generate(request: GenerateRequest, signal: CancelSignal): AsyncIterable<GenerationEvent> {
    const { requestId, promptIds } = request
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
    const process = this.#available()
    if (this.#requests.has(requestId))
      throw new SwitchboardError('invalid_request', `request ${requestId} is already running`)
    if (this.#suspects.isQuarantined(promptIds))
      throw new SwitchboardError(
        'engine_fault',
        `This request ended the engine of ${this.model.name} twice and is not run again.`,
      )
    const inbox = new RequestInbox()
    this.#requests.set(requestId, { inbox, promptIds })
    const cancel = (): void => {
      // A process started meanwhile never got this request.
      if (!inbox.ended && this.#process.isCurrent(process)) send(process, { kind: 'cancel', requestId })
    }
    signal.addEventListener('abort', cancel, { once: true })
    try {
      send(process, { kind: 'submit', request })
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
    if (timeoutMs > 0 && !this.#closing) await this.#finishRequests(timeoutMs)
    await this.dispose()
  }

  async #finishRequests(timeoutMs: number): Promise<void> {
    this.#closing = true
    if (this.#requests.size === 0) return
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

  /** Ends all requests with `draining`, then the process. */
  async dispose(): Promise<void> {
    this.#closing = true
    this.#failAll(this.#unavailable('draining', 'unloaded'))
    await this.#process.dispose()
  }

  /** @throws SwitchboardError draining, loading, engine_failed, and what a load failed with. */
  #available(): ChildProcessHandle {
    if (this.#closing) throw this.#unavailable('draining', 'unloaded')
    if (this.state.kind === 'failed') throw revive(this.state.error)
    const { available } = this.#process
    if (available === null) throw this.#unavailable('loading', 'loaded')
    return available
  }

  #unavailable(code: 'draining' | 'loading', participle: string): SwitchboardError {
    return new SwitchboardError(code, `${this.model.name} is being ${participle}`, { retryAfterSeconds: 2 })
  }

  #receive(outputs: readonly RequestOutput[]): void {
    this.#faulted = outputs.flatMap((output) => {
      const isFault = output.kind === 'failed' && engineFaults.includes(output.error.code)
      const request = isFault ? this.#requests.get(output.requestId) : undefined
      return request === undefined ? [] : [request.promptIds]
    })
    for (const output of outputs) this.#requests.get(output.requestId)?.inbox.push(output)
  }

  #crash({ reason, isOwnFault }: Death): void {
    const running = [...this.#requests.values()].filter(({ inbox }) => !inbox.ended).map(({ promptIds }) => promptIds)
    if (isOwnFault) this.#suspects.record([...this.#faulted, ...running])
    this.#faulted = []
    this.#failAll(
      new SwitchboardError('engine_crashed', `The engine of ${this.model.name} ${reason} while answering.`, {
        retryAfterSeconds: 2,
      }),
    )
  }

  #failAll(failure: SwitchboardError): void {
    for (const { inbox } of this.#requests.values()) inbox.fail(failure)
    this.#requests.clear()
    this.#idle.emit()
  }
}

function send(process: ChildProcessHandle, command: EngineCommand): void {
  process.send(command)
}
