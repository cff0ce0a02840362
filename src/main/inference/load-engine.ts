import type { EngineModel } from '../../shared/contracts/engine.ts'
import { graphFiles, type GraphDescription, type GraphFloats } from '../../shared/contracts/graph.ts'
import type { LoadedModel, ProviderRefusal } from '../../shared/domain/engine.ts'
import type { Provider } from '../../shared/domain/generation.ts'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import { join } from 'node:path'
import { InferenceEngine } from './engine.ts'
import { Grammars } from './grammar/grammars.ts'
import { loadOrtApi } from './ort/api.ts'
import { cardMemory } from './ort/card-memory.ts'
import { findOrtLibrary } from './ort/library.ts'
import { candidates, chooseProvider, probeProvider, sessionProvider, type ProviderProbe } from './ort/providers.ts'
import { OrtEnvironment, OrtSession } from './ort/session.ts'
import { Decoder } from './runtime/decoder.ts'
import { readGraphDescription } from './runtime/graph-description.ts'
import { machineMemory } from './runtime/machine-memory.ts'
import { planMemory, withArithmetic, type MemoryPlan, type MemoryWish } from './runtime/memory-plan.ts'
import { physicalCores, sessionThreads } from './runtime/session-threads.ts'
import { verifyFiles } from './runtime/verify-files.ts'
import { warmUp, type WarmedUp } from './warm-up.ts'

/** Limits of the float32 logit rows held while a prompt is scored. */
const MAX_SCORE_BYTES = 32 * 1024 * 1024
const MAX_SCORE_ROWS = 64

export interface LoadedEngine {
  readonly engine: InferenceEngine
  readonly decoder: Decoder
  readonly loaded: LoadedModel
}

export interface LoadOptions {
  readonly libraryPath?: string
  /** Probes a provider for the kinds of graph that exist. */
  readonly probe?: (provider: Provider, graphs: readonly GraphFloats[]) => ProviderProbe
  /** Bytes available to a model on a provider; null when unknown. */
  readonly freeMemory?: (provider: Provider) => number | null
}

/**
 * Loads a graph folder: verifies its files, then on the first usable provider plans the memory, maps the weights,
 * reserves KV and runs once. Slots and context may be lower than requested when memory is short, see `loaded.lowered`.
 * @throws SwitchboardError model_corrupt, provider_unavailable, out_of_memory, engine_fault.
 */
export async function loadEngine(model: EngineModel, options: LoadOptions = {}): Promise<LoadedEngine> {
  const started = performance.now()
  const description = readGraphDescription(model.graphDirectory)
  await verifyFiles(model.graphDirectory, description)
  const libraryPath = findOrtLibrary(options.libraryPath)
  const { decoder, provider, refusals, wish, plan, warm } = openModel(model, description, {
    libraryPath,
    probe: options.probe ?? ((wanted, graphs) => probeProvider(wanted, { libraryPath, graphs })),
    freeMemory: options.freeMemory ?? ((wanted) => (wanted === 'cpu' ? machineMemory() : cardMemory())),
  })
  const { slots, contextLength, lowered } = plan
  const { costs, prefillChunk, fullStepMs } = warm
  const { queueRequests, queueTokens } = model.limits
  const grammars =
    model.vocabulary === undefined
      ? null
      : new Grammars(Buffer.from(model.vocabulary, 'base64'), description.vocabularySize)
  const scoreChunk = Math.min(decoder.shape.scoreRows, prefillChunk)
  const maxDraft = model.limits.speculation === false ? 0 : scoreChunk - 1
  const engine = new InferenceEngine(
    decoder,
    { slots, contextLength, queueRequests, queueTokens, prefillChunk, scoreChunk },
    description.vocabularySize,
    { maxDraft, costs, grammars },
  )
  return {
    engine,
    decoder,
    loaded: {
      model: model.name,
      precision: description.precision,
      floats: wish.floats,
      provider,
      refusals,
      contextLength,
      vocabularySize: description.vocabularySize,
      slots,
      lowered,
      weightBytes: description.weightBytes,
      kvBytes: decoder.kvBytes,
      loadMs: Math.round(performance.now() - started),
      fullStepMs,
    },
  }
}

/** The requested limits, capped by what the graph supports. */
function memoryWish({ limits }: EngineModel, description: GraphDescription, floats: GraphFloats): MemoryWish {
  const contextLength = Math.min(limits.contextLength, description.maxPositions)
  const prefillChunk = Math.max(1, Math.min(limits.prefillChunk, contextLength))
  const scoreRows = Math.max(
    1,
    Math.min(MAX_SCORE_ROWS, Math.floor(MAX_SCORE_BYTES / (description.vocabularySize * 4)), prefillChunk),
  )
  return { description, floats, slots: limits.slots, contextLength, prefillChunk, scoreRows }
}

interface OpenedModel {
  readonly decoder: Decoder
  readonly wish: MemoryWish
  readonly plan: MemoryPlan
  readonly warm: WarmedUp
}

/**
 * Opens the model on the best provider that can run one of the graphs. A provider that computes but cannot hold the
 * model counts as refused.
 */
function openModel(
  model: EngineModel,
  description: GraphDescription,
  { libraryPath, probe, freeMemory }: Required<LoadOptions>,
): OpenedModel & { readonly provider: Provider; readonly refusals: readonly ProviderRefusal[] } {
  const environment = new OrtEnvironment(loadOrtApi(libraryPath))
  const threads = sessionThreads(model.threads, description.weightBytes, physicalCores())
  const opened = new Map<Provider, OpenedModel>()
  let damage: unknown = null
  const tryProvider = (provider: Provider): ProviderProbe => {
    const small = probe(provider, description.floats)
    if (!small.usable) return small
    try {
      const { floats } = small
      const freeBytes = freeMemory(provider)
      const wish = memoryWish(model, description, floats)
      const plan = planMemory(wish, freeBytes)
      const graph = join(model.graphDirectory, graphFiles[floats])
      const settings = {
        threads: threads.count,
        provider: sessionProvider(provider, freeBytes),
        config: threads.config,
      }
      const running = withArithmetic({ ...wish, ...plan }, freeBytes, () =>
        runOnce(OrtSession.load(environment, graph, settings), provider, wish, plan),
      )
      opened.set(provider, { ...running, wish, plan })
      return small
    } catch (failure) {
      if (!(failure instanceof SwitchboardError)) throw failure
      // Damage and lack of memory are reported as such: a graph that the CPU cannot read is damaged.
      if (provider === 'cpu' || failure.code === 'out_of_memory') damage = failure
      return { provider, usable: false, reason: failure.message }
    }
  }
  try {
    const { provider, refusals } = chooseProvider(model.policy, tryProvider)
    const chosen = opened.get(provider)
    if (chosen === undefined)
      throw new TypeError(`no session for ${provider} among ${candidates(model.policy).join(', ')}`)
    return { ...chosen, provider, refusals }
  } catch (failure) {
    throw damage ?? failure
  }
}

/** Reserves KV and warms up. Disposes the session on failure, because the next provider may need its memory. */
function runOnce(
  session: OrtSession,
  provider: Provider,
  { description, floats, prefillChunk, scoreRows }: MemoryWish,
  { slots, contextLength }: MemoryPlan,
): Pick<OpenedModel, 'decoder' | 'warm'> {
  let decoder: Decoder | null = null
  try {
    decoder = new Decoder(session, {
      description,
      floats,
      provider,
      slots,
      maxLength: contextLength,
      prefillChunk,
      scoreRows,
    })
    return { decoder, warm: warmUp(decoder) }
  } catch (failure) {
    decoder?.dispose()
    session.dispose()
    throw failure
  }
}
