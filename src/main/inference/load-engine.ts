import type { EngineModel } from '../../shared/contracts/engine.ts'
import { graphFiles } from '../../shared/contracts/graph.ts'
import type { LoadedModel, ProviderRefusal } from '../../shared/domain/engine.ts'
import type { Provider } from '../../shared/domain/generation.ts'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import { join } from 'node:path'
import { StepCosts } from './costs/step-costs.ts'
import { InferenceEngine } from './engine.ts'
import { Grammars } from './grammar/grammars.ts'
import { loadOrtApi } from './ort/api.ts'
import { findOrtLibrary } from './ort/library.ts'
import { candidates, chooseProvider, probeProvider, sessionProvider, type ProviderProbe } from './ort/providers.ts'
import { OrtEnvironment, OrtSession } from './ort/session.ts'
import { Decoder } from './runtime/decoder.ts'
import { readGraphDescription } from './runtime/graph-description.ts'
import { physicalCores, sessionThreads } from './runtime/session-threads.ts'
import { verifyFiles } from './runtime/verify-files.ts'

/** A step should not take longer than this, so that a cancel is prompt and the heartbeat regular. */
const STEP_BUDGET_MS = 400

/** Float32 logit rows kept for scoring a prompt: at most this many bytes, and at most this many rows. */
const SCORE_BYTES = 32 * 1024 * 1024
const SCORE_ROWS = 64

export interface LoadedEngine {
  readonly engine: InferenceEngine
  readonly decoder: Decoder
  readonly loaded: LoadedModel
}

export interface LoadOptions {
  readonly libraryPath?: string
  readonly probe?: (provider: Provider) => ProviderProbe
}

/**
 * Loads a graph folder: verify, choose a provider, map the weights, reserve KV, run once.
 * @throws SwitchboardError model_corrupt, provider_unavailable, out_of_memory, engine_fault.
 */
export async function loadEngine(model: EngineModel, options: LoadOptions = {}): Promise<LoadedEngine> {
  const started = performance.now()
  const description = readGraphDescription(model.graphDirectory)
  await verifyFiles(model.graphDirectory, description)
  const libraryPath = findOrtLibrary(options.libraryPath)
  const { session, provider, refusals } = openSession(model, description.weightBytes, libraryPath, options.probe ?? ((wanted) => probeProvider(wanted, { libraryPath })))
  const contextLength = Math.min(model.limits.contextLength, description.maxPositions)
  const scoreRows = Math.max(1, Math.min(SCORE_ROWS, Math.floor(SCORE_BYTES / (description.vocabularySize * 4))))
  const longestChunk = Math.max(1, Math.min(model.limits.prefillChunk, contextLength))
  const decoder = new Decoder(session, { description, provider, slots: model.limits.slots, maxLength: contextLength, prefillChunk: longestChunk, scoreRows: Math.min(scoreRows, longestChunk) })
  const costs = new StepCosts()
  const prefillChunk = warmUp(decoder, costs)
  const { slots, queueRequests, queueTokens } = model.limits
  const grammars = model.vocabulary === undefined ? null : new Grammars(Buffer.from(model.vocabulary, 'base64'), description.vocabularySize)
  const scoreChunk = Math.min(decoder.shape.scoreRows, prefillChunk)
  const longestDraft = model.limits.speculation === false ? 0 : scoreChunk - 1
  const engine = new InferenceEngine(decoder, { slots, contextLength, queueRequests, queueTokens, prefillChunk, scoreChunk }, description.vocabularySize, { longestDraft, costs, grammars })
  return {
    engine,
    decoder,
    loaded: {
      model: model.name,
      precision: description.precision,
      provider,
      refusals,
      contextLength,
      vocabularySize: description.vocabularySize,
      slots,
      weightBytes: description.weightBytes,
      kvBytes: decoder.kvBytes,
      loadMs: Math.round(performance.now() - started),
    },
  }
}

/** A session on the best provider that takes the graph; one that computes but cannot hold this graph is a refusal as well. */
function openSession(model: EngineModel, weightBytes: number, libraryPath: string, probe: (provider: Provider) => ProviderProbe): { session: OrtSession; provider: Provider; refusals: readonly ProviderRefusal[] } {
  const environment = new OrtEnvironment(loadOrtApi(libraryPath))
  const graph = join(model.graphDirectory, graphFiles.graph)
  const threads = sessionThreads(model.threads, weightBytes, physicalCores())
  const opened = new Map<Provider, OrtSession>()
  let damage: unknown = null
  const tryWholly = (provider: Provider): ProviderProbe => {
    const small = probe(provider)
    if (!small.usable) return small
    try {
      opened.set(provider, OrtSession.load(environment, graph, { threads: threads.count, provider: sessionProvider(provider), config: threads.config }))
      return small
    } catch (failure) {
      if (!(failure instanceof SwitchboardError)) throw failure
      // A graph that the last resort cannot read is damaged or too large, not a matter of providers.
      if (provider === 'cpu') damage = failure
      return { provider, usable: false, reason: failure.message }
    }
  }
  try {
    const { provider, refusals } = chooseProvider(model.policy, tryWholly)
    const session = opened.get(provider)
    if (session === undefined) throw new TypeError(`no session for ${provider} among ${candidates(model.policy).join(', ')}`)
    return { session, provider, refusals }
  } catch (failure) {
    throw damage ?? failure
  }
}

/**
 * Runs chunks and steps once, so that the first customer does not wait for lazy set-up, and measures them: how many prompt
 * tokens this machine can run in a step. Rounded down to a power of two, so that the same machine takes the same chunks each time.
 */
function warmUp(decoder: Decoder, costs: StepCosts): number {
  const { prefillChunk, maxLength, slots } = decoder.shape
  const sample = Math.min(64, prefillChunk, maxLength - 1)
  if (sample < 1) return prefillChunk
  const ids = new Int32Array(sample)
  const timed = (run: () => void): number => {
    const started = performance.now()
    run()
    return performance.now() - started
  }
  const chunk = (tokens: number): number => {
    decoder.reset(0)
    return timed(() => decoder.prefill(0, ids, 0, tokens, 'last'))
  }
  chunk(sample)
  const wholeMs = chunk(sample)
  const short = Math.ceil(sample / 4)
  chunk(short)
  costs.recordPrefill(short, chunk(short))
  costs.recordPrefill(sample, wholeMs)
  const step = (rows: number): void => {
    const run = (): void => decoder.decode(0, Array.from({ length: rows }, () => null))
    run()
    costs.recordDecode(rows, timed(run))
  }
  step(1)
  if (decoder.longestSpan >= slots && slots > 1) step(slots)
  decoder.reset(0)
  const affordable = 2 ** Math.floor(Math.log2(STEP_BUDGET_MS / (wholeMs / sample)))
  return Math.max(1, Math.min(prefillChunk, Math.max(16, affordable)))
}
