import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import OpenAI from 'openai'
import { Emitter } from '../../../shared/base/emitter.ts'
import type { EngineState } from '../../../shared/domain/engine.ts'
import type { Principal } from '../../../shared/domain/api-key.ts'
import type { ModelSummary } from '../../../shared/domain/model.ts'
import type { Target } from '../../../shared/domain/target.ts'
import { SwitchboardError } from '../../../shared/errors/switchboard-error.ts'
import type { Resolver } from '../../catalog/resolver.ts'
import type { ConsoleHandlers } from '../../console/console-handlers.ts'
import type { Log } from '../../platform/log.ts'
import { createServer, type SwitchboardServer } from '../create-server.ts'
import type { ServerLimits } from '../server-limits.ts'
import { FakeAnswerer } from '../../answering/testing/fake-answerer.ts'

/** What a test suite needs to talk to an endpoint, with or without a real model. */
export interface Endpoint {
  /** For example `http://127.0.0.1:4317`. */
  readonly url: string
  readonly port: number
  readonly key: string
  /** A revoked key. */
  readonly revokedKey: string
  readonly model: string
  readonly consoleSecret: string
  close(): Promise<void>
}

/** The official client without retries, so that tests see every failure. */
export function officialClient({ url, key }: Endpoint, apiKey = key): OpenAI {
  return new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0 })
}

export interface FakeEndpoint extends Endpoint {
  readonly replies: FakeAnswerer
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
  readonly handlers?: ConsoleHandlers
  readonly port?: number
  readonly capacity?: number
}

const fakeModel: ModelSummary = {
  name: 'demo',
  family: 'llama',
  precision: 'fp32',
  parameters: 1000,
  contextLength: 4096,
  bytes: 4000,
  demo: true,
  createdAt: 1_700_000_000_000,
  versions: [{ version: 1, precision: 'fp32', contentHash: 'c0ffee', createdAt: 1_700_000_000_000 }],
  activeVersion: 1,
}

/** Target of a loaded model. */
export function fakeTarget(name: string): Target {
  return {
    name,
    model: { name, version: 1, precision: 'fp32', contentHash: 'c0ffee' },
    adapters: [],
    assistant: null,
    where: { kind: 'local' },
    fingerprint: 'fp_fake',
  }
}

/** Resolves only `demo`, which is also the default. */
const fakeResolver: Pick<Resolver, 'forProgram' | 'published'> = {
  async forProgram(name) {
    if (name !== null && name !== 'demo')
      throw new SwitchboardError('model_not_found', 'there is no model and no published assistant of this name', {
        param: 'model',
      })
    return { target: fakeTarget('demo'), instructions: null }
  },
  published: async () => [],
}

/** The real server on a free port, with a fake answerer. */
export async function startFakeEndpoint({
  limits = {},
  handlers,
  port = 0,
  capacity = 1000,
}: FakeEndpointOptions = {}): Promise<FakeEndpoint> {
  const replies = new FakeAnswerer()
  const revocations = new Emitter<{ readonly keyId: string }>()
  const live = new Map<string, Principal>([
    ['sb-test-key', { id: 'key-1', name: 'test', assistantId: null }],
    ['sb-other-key', { id: 'key-2', name: 'other', assistantId: null }],
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
  const log: Log = { info: at('info'), warn: at('warn'), error: at('error') }
  const server = await createServer({
    answerer: replies,
    resolver: fakeResolver,
    keys: { authenticate: async (secret) => live.get(secret) ?? null, onRevoked: revocations.on },
    models: { list: async () => [fakeModel] },
    engines: () => ({ standard: engine, all: [engine] }),
    capacity: () => capacity,
    console: handlers === undefined ? null : { handlers, secret: consoleSecret, directory },
    version: '0.0.0-test',
    log,
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
