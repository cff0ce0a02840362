import { execFileSync } from 'node:child_process'
import { join } from 'node:path'

export interface BareLoop {
  readonly prefillTokensPerSecond: number
  readonly decodeTokensPerSecond: number
  readonly millisecondsPerStep: number
}

export interface BareLoopOptions {
  /** Folder of a built graph. */
  readonly graph: string
  readonly prompt: number
  readonly tokens: number
  readonly context: number
}

/** The engine's step loop in its own process, without queue, pipe and HTTP. */
export function bareLoop({ graph, prompt, tokens, context }: BareLoopOptions): BareLoop {
  const script = join(import.meta.dirname, '..', 'src', 'main', 'inference', 'bare-loop.ts')
  const args = [
    script,
    graph,
    '--prompt',
    String(prompt),
    '--tokens',
    String(tokens),
    '--context',
    String(context),
    '--provider',
    'cpu',
  ]
  return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' })) as BareLoop
}
