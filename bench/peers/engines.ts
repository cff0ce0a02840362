import { availableParallelism } from 'node:os'
import { physicalCores } from '../../src/main/inference/runtime/session-threads.ts'
import { bareLoop } from '../bare-loop.ts'
import { seededRandom } from '../seeded-random.ts'
import { builtGraph, command, engineMemory, startServer, stopServer, type ProcessMemory } from '../server-process.ts'
import { speculationField, streamReply, type Endpoint, type StreamedReply } from '../streams.ts'
import type { JsApiOptions } from './js-api-child.ts'
import type { LlamaOptions } from './llama-child.ts'
import { startBandwidthProbe, type BandwidthProbe } from './memory-bandwidth.ts'
import { startPeer, type Peer } from './peer-process.ts'
import { modelName, prepare } from './prepare.ts'
import { byteTokens, type ModelShape } from './shape.ts'

export const streams = 16
/** Context length of every engine: prompt and reply together. */
export const contextLength = 2560

/** All engines, loaded and idle. Only one works at a time. */
export interface Engines {
  readonly shape: ModelShape
  readonly graph: string
  readonly llama: Peer
  readonly jsApi: Peer
  readonly bandwidth: BandwidthProbe
  /** Whether requests can switch speculation. */
  readonly offersSpeculation: boolean
  /** A prompt without a prefix in any cache. */
  prompt(tokens: number): number[]
  /** Without speculation by default, like the other engines. */
  ours(prompt: readonly number[], tokens: number, options?: { readonly speculation?: boolean }): Promise<StreamedReply>
  /** Decode speed of the step loop alone, tokens per second. */
  bare(prompt: number, tokens: number): number
  engineMemory(): ProcessMemory
  stop(): Promise<void>
}

/** Starts the engines one after the other; if one fails, those already started are stopped. */
export async function startEngines(shape: ModelShape): Promise<Engines> {
  await using started = new AsyncDisposableStack()
  const { home, gguf } = await prepare(shape, { slots: streams, contextLength })
  const server = started.adopt(await startServer(home), stopServer)
  const key = command(home, 'keys', 'create', 'bench').trim()
  const endpoint: Endpoint = { url: server.url, key }
  const graph = builtGraph(home)
  const threads = physicalCores()
  const peer = async (script: string, options: LlamaOptions | JsApiOptions): Promise<Peer> =>
    started.adopt(await startPeer(script, options), (running) => running.stop())
  const llama = await peer('llama-child.ts', {
    gguf,
    threads,
    context: contextLength,
    sequences: streams,
    sequenceContext: 256,
  })
  const jsApi = await peer('js-api-child.ts', { graph, shape, threads })
  const bandwidth = started.adopt(await startBandwidthProbe(availableParallelism()), (probe) => probe.stop())
  const random = seededRandom(Date.now())
  const offersSpeculation = await offers(endpoint, speculationField)
  const all = started.move()
  return {
    shape,
    graph,
    llama,
    jsApi,
    bandwidth,
    offersSpeculation,
    prompt: (tokens) =>
      Array.from({ length: tokens }, () => byteTokens + Math.floor(random() * (shape.vocabulary - byteTokens - 1))),
    ours: (prompt, tokens, options = {}) =>
      streamReply(endpoint, { model: modelName, prompt, tokens, speculation: false, ...options }),
    bare: (prompt, tokens) => bareLoop({ graph, prompt, tokens, context: contextLength }).decodeTokensPerSecond,
    engineMemory: () => engineMemory(server),
    stop: () => all.disposeAsync(),
  }
}

/** Whether /openapi.json lists this field for text completions. */
async function offers(endpoint: Endpoint, field: string): Promise<boolean> {
  const response = await fetch(`${endpoint.url}/openapi.json`, { headers: { authorization: `Bearer ${endpoint.key}` } })
  if (!response.ok) throw new Error(`/openapi.json: ${response.status}`)
  return (await response.text()).includes(JSON.stringify(field))
}
