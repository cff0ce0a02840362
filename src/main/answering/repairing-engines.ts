import { graphFiles } from '../../shared/contracts/graph.ts'
import type { EngineState } from '../../shared/domain/engine.ts'
import { revive, SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import type { EngineSource } from './generate/local.ts'

export interface RepairingEnginesOptions {
  readonly engines: EngineSource & {
    acquire(model: string, signal: AbortSignal, revision?: string): ReturnType<EngineSource['acquire']>
    stateOf(model: string): EngineState
    /** Gives the failed engine's place back, so that the model is prepared anew. */
    unload(model: string): Promise<void>
  }
  /** Makes sure that the files of this model's built graph are hashed before it is used again. */
  readonly distrustGraph: (model: string) => Promise<void>
  readonly onRepair: (damage: { readonly model: string; readonly file: string }) => void
}

/**
 * Engines that get a second try where a file of the built graph is damaged although it looks as it did when it was
 * built: a
 * bit that flipped on the disk is found by the engine alone, which hashes all it loads. The graph is then built again.
 * Once:
 * a machine that damages the new one as well has to be told of.
 */
export class RepairingEngines implements EngineSource {
  readonly #options: RepairingEnginesOptions
  readonly #underway = new Map<string, Promise<void>>()
  /** Models that were repaired and have not loaded since. */
  readonly #tried = new Set<string>()

  constructor(options: RepairingEnginesOptions) {
    this.#options = options
  }

  async acquire(model: string, signal: AbortSignal, revision?: string): ReturnType<EngineSource['acquire']> {
    const acquire = async (): ReturnType<EngineSource['acquire']> => {
      const { engines } = this.#options
      const lease = await engines.acquire(model, signal, revision)
      const state = engines.stateOf(model)
      if (state.kind === 'failed') {
        // It was loaded once, and could not be again after a crash.
        lease.release()
        throw revive(state.error)
      }
      this.#tried.delete(model)
      return lease
    }
    try {
      return await acquire()
    } catch (failure) {
      const repair = this.#repair(model, failure)
      if (repair === null) throw failure
      await repair
      return await acquire()
    }
  }

  /** null where there is nothing to repair, or it did not help. */
  #repair(model: string, failure: unknown): Promise<void> | null {
    const file = damagedGraphFile(failure)
    if (file === null) return null
    const underway = this.#underway.get(model)
    if (underway !== undefined) return underway
    if (this.#tried.has(model)) return null
    this.#tried.add(model)
    const { engines, distrustGraph, onRepair } = this.#options
    onRepair({ model, file })
    const repair = distrustGraph(model)
      .then(() => engines.unload(model))
      .finally(() => this.#underway.delete(model))
    this.#underway.set(model, repair)
    return repair
  }
}

function damagedGraphFile(failure: unknown): string | null {
  if (!(failure instanceof SwitchboardError) || failure.code !== 'model_corrupt') return null
  const file = failure.details?.['file']
  return Object.values(graphFiles).find((name) => name === file) ?? null
}
