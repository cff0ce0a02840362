/**
 * Measures, inside the server process, how long its main thread was blocked: the delay of a 1 ms timer. Preloaded with
 * `node --import`, so that the product itself carries no probe. Every connection to the socket is answered with the
 * longest block since the last one, ms.
 */
import { createServer, connect } from 'node:net'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { isMainThread } from 'node:worker_threads'

/** Names the socket. The product's child processes do not inherit the variable. */
const VARIABLE = 'SWITCHBOARD_BENCH_PROBE'
/** The timer's period, ms: every delay contains it. */
const PERIOD_MS = 1

const path = process.env[VARIABLE]
if (path !== undefined && isMainThread) {
  delete process.env[VARIABLE]
  const delays = monitorEventLoopDelay({ resolution: PERIOD_MS })
  delays.enable()
  const server = createServer((socket) => {
    // A block that ended just now is counted by the timer's next tick.
    setTimeout(() => {
      socket.end(String(Math.max(0, delays.max / 1e6 - PERIOD_MS)))
      delays.reset()
    }, 20)
  })
  server.listen(path)
  server.unref()
}

export function probeEnvironment(socket: string): NodeJS.ProcessEnv {
  return { [VARIABLE]: socket }
}

/** The longest block of the main thread since the last call, ms. */
export async function longestBlockMs(socket: string): Promise<number> {
  const chunks: Buffer[] = []
  for await (const chunk of connect(socket)) chunks.push(chunk as Buffer)
  return Number(Buffer.concat(chunks).toString('utf8'))
}
