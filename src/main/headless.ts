import { createServer as createProbe } from 'node:net'
import { SwitchboardError } from '../shared/errors/switchboard-error.ts'
import { createBackend, type Backend } from './backend.ts'
import { launchChildProcess } from './platform/child-process.ts'
import { openHome } from './platform/home.ts'
import type { ProductFiles } from './platform/product-files.ts'
import { lockInstance } from './platform/run-file.ts'
import { readOrCreateSecret } from './platform/secret-file.ts'

export interface HeadlessOptions {
  readonly home: string
  readonly port: number
  readonly files: ProductFiles
  /** One line for the person who started it. */
  readonly tell: (line: string) => void
  /** The endpoint answers at this address. */
  readonly onReady: (url: string) => void
}

/** How long running replies may take to end when the program is asked to stop. */
const drainMs = 10_000

/**
 * The plain-Node host: the endpoint, and the console for a browser. Runs until SIGTERM or SIGINT: the first lets
 * running
 * replies end, a second one ends them at once.
 * @throws SwitchboardError already_running, port_in_use, storage_*.
 */
export async function serveHeadless({ home: root, port, files, tell, onReady }: HeadlessOptions): Promise<void> {
  const stopping = listenForSignals()
  const home = openHome(root)
  const lock = lockInstance(home.runFile)
  try {
    const consoleSecret = readOrCreateSecret(home.consoleKey)
    const backend = await createBackend({
      home,
      files,
      host: 'headless',
      launch: launchChildProcess,
      consoleSecret,
      openExternal: null,
    })
    try {
      const url = await listen(backend, port)
      // A URL does not tell the port that http has of its own.
      lock.publish({ pid: process.pid, port: Number(new URL(url).port || 80), startedAt: Date.now() })
      // A fragment stays in the browser: it is in no request, no log and no referrer.
      tell(
        files.renderer === null
          ? 'The console was not built; the endpoint works without it.'
          : `console ${url}/console/#key=${consoleSecret}`,
      )
      void backend.ready.then(
        () => onReady(url),
        (thrown: unknown) => tell(describeFailure(thrown)),
      )
      await stopping.first
      const hurry = stopping.second.then(() => backend.drain(0))
      await Promise.race([backend.drain(drainMs), hurry])
    } finally {
      await backend.dispose()
    }
  } finally {
    lock.dispose()
    stopping.dispose()
  }
}

async function listen({ server }: Backend, port: number): Promise<string> {
  try {
    return await server.listen(port)
  } catch (thrown) {
    if (!(thrown instanceof SwitchboardError) || thrown.code !== 'port_in_use') throw thrown
    const free = await freePort()
    throw new SwitchboardError(
      'port_in_use',
      `Port ${port} on 127.0.0.1 is taken by another program; port ${free} is free.`,
      { cause: thrown, details: { port, free } },
    )
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createProbe()
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}

function describeFailure(thrown: unknown): string {
  return thrown instanceof SwitchboardError
    ? `${thrown.code}: ${thrown.message}\n${thrown.entry.hint}`
    : 'internal: The model could not be loaded; see the log.'
}

function listenForSignals(): { readonly first: Promise<void>; readonly second: Promise<void>; dispose(): void } {
  let onFirst: () => void = () => undefined
  let onSecond: () => void = () => undefined
  const first = new Promise<void>((resolve) => {
    onFirst = resolve
  })
  const second = new Promise<void>((resolve) => {
    onSecond = resolve
  })
  let count = 0
  const onSignal = (): void => {
    count += 1
    if (count === 1) onFirst()
    else onSecond()
  }
  const signals = ['SIGTERM', 'SIGINT'] as const
  for (const signal of signals) process.on(signal, onSignal)
  return {
    first,
    second,
    dispose: () => {
      for (const signal of signals) process.off(signal, onSignal)
    },
  }
}
