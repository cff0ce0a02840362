import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { afterEach, expect, it } from 'vitest'
import { Watchdog, type Excess } from './watchdog.ts'

let worker: Worker
let watchdog: Watchdog

afterEach(async () => {
  watchdog.stop()
  await worker.terminate()
})

/** What the watchdog reports of a worker that runs this code, or `done` when the code comes to its end first. */
async function watch(code: string, budgetMs: number, maxHeapBytes?: number): Promise<Excess | 'done'> {
  worker = new Worker(
    `const { parentPort } = require('node:worker_threads')
    const nap = (ms) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
    parentPort.postMessage('running');
    ${code}
    parentPort.postMessage('done')`,
    { eval: true },
  )
  await once(worker, 'message')
  return new Promise((resolve) => {
    watchdog = new Watchdog(worker, resolve, maxHeapBytes)
    watchdog.start(budgetMs)
    worker.on('message', () => resolve('done'))
  })
}

it.each([
  ['a loop', 'for (;;);'],
  ['a regular expression', "void /^(a+)+$/u.test(`${'a'.repeat(60)}b`)"],
])('reports work that uses more than its CPU time: %s', async (_name, code) => {
  expect(await watch(code, 50)).toBe('time')
})

it('does not count time in which the machine did something else', async () => {
  // Waiting stands for a thread that gets no processor: it uses the clock alone.
  expect(await watch('nap(1000)', 250)).toBe('done')
})

it('reports work that never ends, also when it uses no processor', async () => {
  expect(await watch('for (;;) nap(5)', 10)).toBe('time')
})

it('reports a heap that grows too large', async () => {
  expect(
    await watch('const list = []; for (;;) { list.push(new Array(10_000).fill(0.5)); nap(1) }', 60_000, 50_000_000),
  ).toBe('memory')
})
