import type { ContractRouterClient } from '@orpc/contract'
// Type only: preload and the renderer's bridge carry none of the contract's schemas.
import type { consoleContract } from './console.ts'

/** Name of the frozen object preload exposes, and of the two channels under it. */
export const consoleBridge = {
  global: 'switchboard',
  up: 'console:up',
  down: 'console:down',
  subprotocol: 'switchboard.console.v1',
} as const

type Wire = ContractRouterClient<typeof consoleContract>
/** A call as its caller needs it: streams are any async iterable, so that a fake can be a generator. */
type Call<Procedure> = Procedure extends (...rest: infer Rest) => PromiseLike<infer Output>
  ? (...rest: Rest) => Promise<Output extends AsyncIterable<infer Value> ? AsyncIterable<Value> : Output>
  : never

/** The console as its caller sees it. */
export type ConsoleClient = {
  readonly [Group in keyof Wire]: { readonly [Name in keyof Wire[Group]]: Call<Wire[Group][Name]> }
}

/** What preload exposes in the window: one pipe of strings. */
export interface ConsolePipe {
  send(message: string): void
  /** Returns the function that stops listening. */
  listen(listener: (message: string) => void): () => void
}
