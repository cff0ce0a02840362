/**
 * Read bandwidth of the memory: one thread per core searches a buffer larger than any cache for a byte that it does not
 * contain, with the C library's memchr (Buffer.indexOf of one byte), which only reads in order.
 */
import { once as nextEvent } from 'node:events'
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads'

const bufferBytes = 128 * 1024 * 1024
const passes = 4

interface Span {
  readonly startedMs: number
  readonly endedMs: number
}

export interface BandwidthProbe {
  /** Bytes per second of all threads together, the best of a few tries. */
  measure(): Promise<number>
  stop(): Promise<void>
}

export async function startBandwidthProbe(threads: number): Promise<BandwidthProbe> {
  const workers = Array.from({ length: threads }, () => new Worker(new URL(import.meta.url), { workerData: 'read' }))
  // Rejects if the thread fails, and removes its listeners.
  const answer = async (worker: Worker): Promise<unknown> => (await nextEvent(worker, 'message'))[0]
  await Promise.all(workers.map(answer))
  const once = async (): Promise<number> => {
    const spans = (await Promise.all(
      workers.map((worker) => {
        const span = answer(worker)
        worker.postMessage('go')
        return span
      }),
    )) as readonly Span[]
    const ms = Math.max(...spans.map(({ endedMs }) => endedMs)) - Math.min(...spans.map(({ startedMs }) => startedMs))
    return (threads * passes * bufferBytes * 1000) / ms
  }
  return {
    async measure() {
      // Take the maximum: disturbances only lower a try.
      let best = 0
      for (let attempt = 0; attempt < 5; attempt += 1) best = Math.max(best, await once())
      return best
    },
    async stop() {
      await Promise.all(workers.map((worker) => worker.terminate()))
    },
  }
}

if (!isMainThread && workerData === 'read') {
  // Pages that were never written share one zero page, which would be read from the cache.
  const buffer = Buffer.alloc(bufferBytes, 1)
  parentPort?.on('message', () => {
    // performance.now() has another origin in each thread.
    const startedMs = performance.timeOrigin + performance.now()
    let found = 0
    for (let pass = 0; pass < passes; pass += 1) found += buffer.indexOf(2)
    if (found !== -passes) throw new RangeError('the buffer holds a byte that was never written')
    parentPort?.postMessage({ startedMs, endedMs: performance.timeOrigin + performance.now() } satisfies Span)
  })
  parentPort?.postMessage('ready')
}
