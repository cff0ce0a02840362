import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import OpenAI from 'openai'
import { Emitter } from '../../../shared/base/emitter.ts'
import type { EngineState } from '../../../shared/domain/engine.ts'
import { createServer, type SwitchboardServer } from '../create-server.ts'
import type { ConsoleServices, Principal, ServerLimits } from '../ports.ts'
import type { Log } from '../../platform/log.ts'
import { FakeReplies } from './fake-replies.ts'

/** What a suite needs to talk to a listening endpoint, whoever is behind it. */
export interface Endpoint {
  /** Such as `http://127.0.0.1:4317`. */
  readonly url: string
  readonly port: number
  readonly key: string
  /** A key that was valid once. */
  readonly revokedKey: string
  readonly model: string
  readonly consoleSecret: string
  close(): Promise<void>
}

/** The client programs use, which here tries nothing twice: a failure is what a test wants to see. */
export function officialClient({ url, key }: Endpoint, apiKey = key): OpenAI {
  return new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0 })
}

export interface FakeEndpoint extends Endpoint {
  readonly replies: FakeReplies
  readonly server: SwitchboardServer
  readonly logged: {
    readonly level: string
    readonly fields: Readonly<Record<string, unknown>>
    readonly message: string
  }[]
  setEngine(state: EngineState): void
  revoke(): void
}

export const readyEngine: EngineState = {
  kind: 'ready',
  pid: 1,
  loaded: {
    model: 'demo',
    precision: 'fp32',
    floats: 'float32',
    provider: 'cpu',
    refusals: [],
    contextLength: 4096,
    vocabularySize: 32_000,
    slots: 8,
    lowered: null,
    weightBytes: 1,
    kvBytes: 1,
    loadMs: 1,
    fullStepMs: 1,
  },
  stats: { running: 0, waiting: 0, slots: 8, freeSlots: 8, steps: 0, tokensPerSecond: 0 },
}

export interface FakeEndpointOptions {
  readonly limits?: Partial<ServerLimits>
  readonly services?: ConsoleServices
  readonly port?: number
  readonly capacity?: number
}

/** The real server on a free port over a reply service without a model. */
export async function startFakeEndpoint({
  limits = {},
  services,
  port = 0,
  capacity = 1000,
}: FakeEndpointOptions = {}): Promise<FakeEndpoint> {
  const replies = new FakeReplies()
  const revocations = new Emitter<{ readonly keyId: string }>()
  const live = new Map<string, Principal>([
    ['sb-test-key', { id: 'key-1', name: 'test' }],
    ['sb-other-key', { id: 'key-2', name: 'other' }],
  ])
  const logged: FakeEndpoint['logged'] = []
  const at =
    (level: string): Log['info'] =>
    (fields, message) =>
      void logged.push({ level, fields, message })
  let engine = readyEngine
  const directory = mkdtempSync(join(tmpdir(), 'switchboard-console-'))
  writeFileSync(
    join(directory, 'index.html'),
    '<!doctype html><title>Switchboard</title><script type="module" src="./app.js"></script>',
  )
  writeFileSync(join(directory, 'app.js'), 'document.title = "ready"')
  writeFileSync(join(directory, '.secret'), 'not to be served')
  const consoleSecret = 'console-secret-of-this-test'
  const server = await createServer({
    replies,
    keys: { authenticate: (secret) => live.get(secret) ?? null, onRevoked: revocations.on },
    models: {
      list: () => [
        {
          name: 'demo',
          family: 'llama',
          precision: 'fp32',
          parameters: 1000,
          contextLength: 4096,
          bytes: 4000,
          demo: true,
          createdAt: 1_700_000_000_000,
        },
      ],
    },
    engine: {
      get state() {
        return engine
      },
    },
    capacity: () => capacity,
    defaultModel: () => 'demo',
    console: services === undefined ? null : { services, secret: consoleSecret, directory },
    version: '0.0.0-test',
    log: { info: at('info'), warn: at('warn'), error: at('error') },
    limits,
  })
  const url = await server.listen(port)
  return {
    url,
    port: Number(new URL(url).port),
    key: 'sb-test-key',
    revokedKey: 'sb-revoked-key',
    model: 'demo',
    consoleSecret,
    replies,
    server,
    logged,
    setEngine: (state) => {
      engine = state
    },
    revoke: () => {
      live.delete('sb-test-key')
      revocations.emit({ keyId: 'key-1' })
    },
    async close() {
      await server.close(0)
      rmSync(directory, { recursive: true, force: true })
    },
  }
}
