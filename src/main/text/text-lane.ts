import { Worker } from 'node:worker_threads'
import { revive, SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import type { CheckStep } from './tokenizer.ts'
import { Watchdog, type Excess } from './watchdog.ts'
import type { Failure, TaskResult, TextFacts, TextTask, WorkerReport, WorkerSetup } from './worker-protocol.ts'

/** CPU time of loading, ms. The largest known tokenizers take 2 to 7 s. */
const LOAD_BUDGET_MS = 60_000
/** CPU time of one check while loading, ms. Good files take a few. */
const CHECK_BUDGET_MS = 2000
/** CPU time of one prompt, ms: six times what a megabyte took at most (Gemma 3, 7 s on a 2026 server core). */
const promptBudgetMs = (bytes: number): number => 2000 + 0.04 * bytes

/** V8's own limits. Reaching the first can abort the whole process: the watchdog ends a worker well below it. */
const MAX_OLD_SPACE_MB = 2048
const MAX_YOUNG_SPACE_MB = 24

interface Job {
  readonly task: TextTask
  /** Of the task's texts. */
  readonly bytes: number
  readonly resolve: (result: TaskResult) => void
  readonly reject: (error: Error) => void
}

interface Loading {
  readonly promise: Promise<TextFacts>
  readonly resolve: (facts: TextFacts) => void
  readonly reject: (error: Error) => void
}

export interface TextLaneOptions {
  /** Path of the worker's script: text-worker.ts, or the bundled file. */
  readonly workerEntry: string
  /** Folder of the model. */
  readonly directory: string
  /** After this time without a task the worker is ended; the next task starts it again. Infinity keeps it. */
  readonly idleMs: number
  /** Holds every lane that has a worker. */
  readonly running: Set<TextLane>
  /** Aborted: no worker is started any more. */
  readonly closing: AbortSignal
}

/**
 * A worker thread with one model, and the tasks that wait for it. A task that uses up its budget is ended with its
 * worker; the others run again in a new one.
 */
export class TextLane {
  readonly #options: TextLaneOptions
  #idleMs: number
  #worker: Worker | null = null
  #watchdog: Watchdog | null = null
  #loading: Loading | null = null
  #step: 'load' | CheckStep | 'loaded' = 'load'
  #waiting: Job[] = []
  #running: Job | null = null
  #idleTimer: NodeJS.Timeout | undefined

  constructor(options: TextLaneOptions) {
    this.#options = options
    this.#idleMs = options.idleMs
  }

  /** @throws SwitchboardError model_corrupt, tokenizer_invalid, template_invalid; draining. */
  async load(): Promise<TextFacts> {
    return this.#start().promise
  }

  /**
   * @param bytes of the task's texts, which decide its budget.
   * @throws SwitchboardError what {@link load} and fitPrompt throw; cancelled.
   */
  async run(task: TextTask, bytes: number, signal: AbortSignal): Promise<TaskResult> {
    this.#start()
    const { promise, resolve, reject } = Promise.withResolvers<TaskResult>()
    const job: Job = { task, bytes, resolve, reject }
    // A task that runs cannot be taken back: its result is dropped.
    const abort = (): void => {
      this.#waiting = this.#waiting.filter((other) => other !== job)
      reject(new SwitchboardError('cancelled', 'The request was stopped.', { cause: signal.reason }))
    }
    if (signal.aborted) abort()
    else {
      signal.addEventListener('abort', abort, { once: true })
      this.#waiting.push(job)
      this.#next()
    }
    try {
      return await promise
    } finally {
      signal.removeEventListener('abort', abort)
    }
  }

  /** Changes how long the worker is kept without a task, ms. */
  keepFor(idleMs: number): void {
    this.#idleMs = idleMs
    this.#startIdling()
  }

  /** Ends the worker. What waits for it fails with `draining`. */
  async dispose(): Promise<void> {
    this.#rejectAll(draining())
    await this.#release()?.terminate()
  }

  #start(): Loading {
    if (this.#loading !== null) return this.#loading
    if (this.#options.closing.aborted) throw draining()
    const { workerEntry, directory } = this.#options
    const workerData: WorkerSetup = { directory }
    const worker = new Worker(workerEntry, {
      name: 'text',
      workerData,
      resourceLimits: { maxOldGenerationSizeMb: MAX_OLD_SPACE_MB, maxYoungGenerationSizeMb: MAX_YOUNG_SPACE_MB },
    })
    this.#worker = worker
    this.#watchdog = new Watchdog(worker, (excess) => this.#end(excess))
    const loading: Loading = Promise.withResolvers<TextFacts>()
    // A worker that is started for a task has no caller of load().
    loading.promise.catch(() => undefined)
    this.#loading = loading
    this.#options.running.add(this)
    this.#step = 'load'
    this.#watchdog.start(LOAD_BUDGET_MS)
    const current = (): boolean => this.#worker === worker
    worker.on('message', (report: WorkerReport) => {
      if (current()) this.#receive(report)
    })
    worker.on('error', (error: Error) => {
      if (current()) this.#end(isOutOfMemory(error) ? 'memory' : error)
    })
    worker.on('exit', () => {
      if (current()) this.#end(new Error('the text worker ended by itself'))
    })
    return loading
  }

  #receive(report: WorkerReport): void {
    switch (report.kind) {
      case 'step':
        this.#step = report.step
        this.#watchdog?.start(CHECK_BUDGET_MS)
        return
      case 'loaded':
        this.#step = 'loaded'
        this.#watchdog?.stop()
        this.#loading?.resolve(report.facts)
        this.#next()
        return
      case 'loadFailed':
        this.#end(errorOf(report.failure))
        return
      case 'done':
        this.#running?.resolve(report.result)
        this.#settled()
        return
      case 'failed':
        this.#running?.reject(errorOf(report.failure))
        this.#settled()
    }
  }

  #settled(): void {
    this.#watchdog?.stop()
    this.#running = null
    this.#next()
  }

  #next(): void {
    if (this.#step !== 'loaded' || this.#running !== null) return
    const job = this.#waiting.shift()
    if (job === undefined) {
      this.#startIdling()
      return
    }
    clearTimeout(this.#idleTimer)
    this.#running = job
    this.#watchdog?.start(promptBudgetMs(job.bytes))
    this.#worker?.postMessage(job.task)
  }

  #startIdling(): void {
    clearTimeout(this.#idleTimer)
    if (this.#step !== 'loaded' || this.#running !== null || !Number.isFinite(this.#idleMs)) return
    this.#idleTimer = setTimeout(() => void this.#release()?.terminate(), this.#idleMs)
    this.#idleTimer.unref()
  }

  /** Ends the worker; what it was doing fails for this reason. */
  #end(reason: Excess | Error): void {
    if (this.#step === 'loaded') {
      this.#running?.reject(reason instanceof Error ? reason : promptExceeds(reason))
      void this.#release()?.terminate()
      if (this.#waiting.length > 0) this.#start()
    } else {
      this.#rejectAll(reason instanceof Error ? reason : loadExceeds(this.#step, reason))
      void this.#release()?.terminate()
    }
  }

  /** Lets go of the worker, so that nothing it still reports is heard. */
  #release(): Worker | null {
    const worker = this.#worker
    clearTimeout(this.#idleTimer)
    this.#watchdog?.stop()
    this.#options.running.delete(this)
    this.#worker = null
    this.#watchdog = null
    this.#loading = null
    this.#running = null
    this.#step = 'load'
    return worker
  }

  #rejectAll(error: Error): void {
    this.#loading?.reject(error)
    for (const job of [this.#running, ...this.#waiting]) job?.reject(error)
    this.#waiting = []
  }
}

function errorOf({ error, stack }: Failure): Error {
  return error === null ? new Error('the text worker failed', { cause: stack }) : revive(error)
}

function loadExceeds(step: 'load' | CheckStep, excess: Excess): SwitchboardError {
  const tooMuch = excess === 'time' ? 'takes too long' : 'takes too much memory'
  switch (step) {
    case 'load':
      return new SwitchboardError('tokenizer_invalid', `tokenizer.json: loading it ${tooMuch}`)
    case 'pattern':
      return new SwitchboardError('tokenizer_invalid', `tokenizer.json: a pattern in it ${tooMuch} on plain text`)
    case 'template':
      return new SwitchboardError('template_invalid', `the chat template ${tooMuch} on a plain conversation`)
  }
}

function promptExceeds(excess: Excess): SwitchboardError {
  const tooMuch = excess === 'time' ? 'took too long' : 'took too much memory'
  return new SwitchboardError(
    'invalid_request',
    `this text ${tooMuch} to encode with the tokenizer and chat template of the model`,
  )
}

function isOutOfMemory(error: Error): boolean {
  return 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY'
}

function draining(): SwitchboardError {
  return new SwitchboardError('draining', 'The program is closing.')
}
