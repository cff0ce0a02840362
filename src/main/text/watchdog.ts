import type { Worker } from 'node:worker_threads'

const POLL_MS = 100
/** On a starved machine a step may take this many times its CPU budget by the clock. */
const MAX_PATIENCE = 16
/** Bytes of a worker's heap. The largest known tokenizer takes 200 MB, encoding a megabyte up to 500 MB on top. */
const MAX_HEAP_BYTES = 1_300_000_000

export type Excess = 'time' | 'memory'

/**
 * Watches one worker thread from outside, also while it is inside an endless regular expression. Counts the CPU time of
 * the thread, because the clock alone would end good work on a busy machine.
 */
export class Watchdog {
  readonly #worker: Worker
  readonly #onExcess: (excess: Excess) => void
  readonly #maxHeapBytes: number
  #timer: NodeJS.Timeout | null = null
  #budgetMs = 0
  #startedMs = 0
  /** CPU time of the thread when the step was first looked at, ms. */
  #cpuBeforeMs: number | null = null
  #step = 0
  #asking = false

  constructor(worker: Worker, onExcess: (excess: Excess) => void, maxHeapBytes = MAX_HEAP_BYTES) {
    this.#worker = worker
    this.#onExcess = onExcess
    this.#maxHeapBytes = maxHeapBytes
  }

  /** A step begins that may take `budgetMs` of CPU time. */
  start(budgetMs: number): void {
    this.#step += 1
    this.#budgetMs = budgetMs
    this.#startedMs = performance.now()
    this.#cpuBeforeMs = null
    this.#timer ??= setInterval(() => void this.#look(), POLL_MS)
  }

  /** Nothing runs that has to be watched. */
  stop(): void {
    this.#step += 1
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#timer = null
  }

  async #look(): Promise<void> {
    if (performance.now() - this.#startedMs > MAX_PATIENCE * this.#budgetMs) {
      this.#onExcess('time')
      return
    }
    if (this.#asking) return
    this.#asking = true
    const step = this.#step
    try {
      const { user, system } = await this.#worker.cpuUsage()
      if (step !== this.#step) return
      const cpuMs = (user + system) / 1000
      this.#cpuBeforeMs ??= cpuMs
      if (cpuMs - this.#cpuBeforeMs > this.#budgetMs) {
        this.#onExcess('time')
        return
      }
      const heap = await this.#worker.getHeapStatistics()
      if (step === this.#step && heap.used_heap_size + heap.external_memory > this.#maxHeapBytes)
        this.#onExcess('memory')
    } catch {
      // The worker has ended: its owner learns that from the worker itself.
    } finally {
      this.#asking = false
    }
  }
}
