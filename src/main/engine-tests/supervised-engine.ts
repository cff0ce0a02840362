import { greedy } from '../../shared/contracts/engine.fixture.ts'
import type { EngineModel, GenerateRequest, GenerationEvent, TokenOutput } from '../../shared/contracts/engine.ts'
import type { EngineState } from '../../shared/domain/engine.ts'
import type { ProcessTimings } from '../engine-client/engine-process.ts'
import { EngineSupervisor } from '../engine-client/engine-supervisor.ts'
import { launchChildProcess } from '../platform/child-process.ts'
import { processEntry } from '../platform/process-entry.ts'

export const never = new AbortController().signal

export const request = (requestId: string, changes: Partial<GenerateRequest> = {}): GenerateRequest => ({
  requestId,
  promptIds: [1, 2, 3, 4, 5],
  sampling: greedy,
  maxTokens: 40,
  stopIds: [],
  logprobs: null,
  promptLogprobs: null,
  cacheScope: null,
  client: 'a',
  priority: 'batch',
  ...changes,
})

/** A supervisor over the real engine process; the caller disposes it. */
export const superviseEngine = (model: EngineModel, timings: Partial<ProcessTimings> = {}): EngineSupervisor =>
  new EngineSupervisor({ model, launch: launchChildProcess, entry: processEntry('engine'), timings })

export interface Reply {
  readonly tokens: readonly TokenOutput[]
  readonly prompt: readonly TokenOutput[] | null
  readonly done: Extract<GenerationEvent, { kind: 'done' }> | null
}

/** One whole reply. @throws SwitchboardError the failure of the request. */
export const reply = async (engine: EngineSupervisor, asked: GenerateRequest, signal = never): Promise<Reply> => {
  const tokens: TokenOutput[] = []
  let prompt: readonly TokenOutput[] | null = null
  let done: Reply['done'] = null
  for await (const event of engine.generate(asked, signal)) {
    if (event.kind === 'tokens') tokens.push(...event.tokens)
    else if (event.kind === 'prompt') prompt = event.tokens
    else done = event
  }
  return { tokens, prompt, done }
}

/** The current or next state that satisfies the condition. */
export const stateThat = (engine: EngineSupervisor, holds: (state: EngineState) => boolean): Promise<EngineState> =>
  new Promise((resolve) => {
    if (holds(engine.state)) {
      resolve(engine.state)
      return
    }
    const listening = engine.onState((state) => {
      if (!holds(state)) return
      listening.dispose()
      resolve(state)
    })
  })

export const pidOf = (engine: EngineSupervisor): number => (engine.state.kind === 'ready' ? engine.state.pid : -1)

export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    // No process has this id: it is gone.
    return false
  }
}
