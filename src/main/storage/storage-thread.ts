import { Worker } from 'node:worker_threads'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import type { Operation, Outcome } from './operations.ts'
import { errorFromWire, fromWire, type FromWorker, type ToWorker, type WorkerStart } from './worker-wire.ts'

/** In MB. V8 would let the room for short-lived objects grow to many times of what rows need. */
const MAX_YOUNG_SPACE = 4

interface Opened {
  readonly worker: Worker
  readonly sqliteVersion: string
}

/**
 * One worker and the calls that wait for it. When the worker dies, all waiting calls fail and it is started again; when
 * it dies again before it answered anything, it stays down. An idle worker does not keep the process alive.
 */
export class StorageThread {
  readonly #entry: string
  readonly #start: WorkerStart
  readonly #mayOpen: Promise<unknown>
  readonly #waiting = new Map<number, (outcome: Outcome) => void>()
  #opened: Promise<Opened>
  #nextId = 1
  #closing = false
  #mayRestart = true

  /**
   * @param entry Path of the worker's script.
   * @param mayOpen The worker starts at once, and opens the database when this has settled; it ends where this rejects.
   */
  constructor(entry: string, start: WorkerStart, mayOpen: Promise<unknown> = Promise.resolve()) {
    this.#entry = entry
    this.#start = start
    this.#mayOpen = mayOpen
    this.#opened = this.#open()
  }

  /** Version of SQLite, once the database is open. @throws SwitchboardError storage_*. */
  async open(): Promise<string> {
    const { sqliteVersion } = await this.#opened
    return sqliteVersion
  }

  async run(operation: Operation): Promise<Outcome> {
    if (this.#closing) return { kind: 'failed', error: new SwitchboardError('storage_failed', 'the storage is closed') }
    try {
      const { worker } = await this.#opened
      return await new Promise((resolve) => {
        const id = this.#nextId
        this.#nextId += 1
        this.#waiting.set(id, resolve)
        worker.ref()
        worker.postMessage({ kind: 'run', id, operation } satisfies ToWorker)
      })
    } catch (error) {
      return { kind: 'failed', error }
    }
  }

  /** Lets the worker finish what was handed in, and close its connection. @throws SwitchboardError storage_*. */
  async close(): Promise<void> {
    if (this.#closing) return
    this.#closing = true
    const opened = await this.#opened.catch(() => null)
    if (opened === null) return
    const { worker } = opened
    worker.ref()
    await new Promise<void>((resolve, reject) => {
      worker.on('message', (message: FromWorker) => {
        if (message.kind === 'closed' && message.error !== null) reject(errorFromWire(message.error))
      })
      worker.on('exit', () => resolve())
      worker.postMessage({ kind: 'close' } satisfies ToWorker)
    })
  }

  #open(): Promise<Opened> {
    return new Promise((resolve, reject) => {
      const worker = new Worker(this.#entry, {
        workerData: this.#start,
        execArgv: ['--disable-warning=ExperimentalWarning'],
        env: {},
        resourceLimits: { maxYoungGenerationSizeMb: MAX_YOUNG_SPACE },
      })
      this.#mayOpen.then(
        () => worker.postMessage({ kind: 'open' } satisfies ToWorker),
        () => worker.terminate(),
      )
      let open = false
      let crash: unknown
      worker.on('message', (message: FromWorker) => {
        if (message.kind === 'opened') {
          open = true
          worker.unref()
          resolve({ worker, sqliteVersion: message.sqliteVersion })
        }
        if (message.kind === 'refused') reject(errorFromWire(message.error))
        if (message.kind === 'outcomes') {
          this.#mayRestart = true
          for (const outcome of message.outcomes) this.#settle(outcome.id, fromWire(outcome))
          if (this.#waiting.size === 0 && !this.#closing) worker.unref()
        }
      })
      worker.on('error', (thrown) => {
        crash = thrown
      })
      worker.on('exit', () => {
        const error = new SwitchboardError('storage_failed', 'the storage worker stopped unexpectedly', {
          cause: crash,
        })
        reject(error)
        for (const id of [...this.#waiting.keys()]) this.#settle(id, { kind: 'failed', error })
        if (this.#closing || !open) return
        this.#opened = this.#mayRestart ? this.#open() : Promise.reject(error)
        this.#mayRestart = false
        this.#opened.catch(() => undefined)
      })
    })
  }

  #settle(id: number, outcome: Outcome): void {
    this.#waiting.get(id)?.(outcome)
    this.#waiting.delete(id)
  }
}
