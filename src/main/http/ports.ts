/**
 * What the server needs from the rest of the house, as narrow as it uses it. Satisfied structurally by the services.
 */
import type { ContractProcedure, InferSchemaOutput } from '@orpc/contract'
import type { Listen } from '../../shared/base/emitter.ts'
import type { consoleContract } from '../../shared/contracts/console.ts'
import type { EngineState } from '../../shared/domain/engine.ts'
import type { ModelSummary } from '../../shared/domain/model.ts'
import type { ReplyService } from '../answering/answer.ts'
import type { Log } from '../platform/log.ts'

/** Whose key a request carries. */
export interface Principal {
  readonly id: string
  readonly name: string
}

export interface KeyAuthority {
  /** The key this secret belongs to; null when there is none or it was revoked. Compares digests, in constant time. */
  authenticate(secret: string): Principal | null
  /** Its open replies are cut at once. */
  readonly onRevoked: Listen<{ readonly keyId: string }>
}

type Contract = typeof consoleContract

/** A stream's service returns the iterable at once; everything else may be a value or a promise of it. */
type Answer<Output> = Output extends AsyncIterable<infer Item> ? AsyncIterable<Item> : Output | Promise<Output>

type Service<Procedure> =
  Procedure extends ContractProcedure<infer Input, infer Output, infer _Errors, infer _Meta>
    ? (input: InferSchemaOutput<Input>, signal: AbortSignal) => Answer<InferSchemaOutput<Output>>
    : never

/**
 * One function a procedure of the console contract. The input was parsed by the contract's schema, with defaults filled
 * in; the signal aborts when the caller leaves or its connection closes. Throws SwitchboardError; anything else reaches
 * the window as `internal`.
 */
export type ConsoleServices = {
  readonly [Group in keyof Contract]: { readonly [Name in keyof Contract[Group]]: Service<Contract[Group][Name]> }
}

/** Bounds of the endpoint. Times in ms, sizes in bytes. */
export interface ServerLimits {
  readonly bodyBytes: number
  readonly headersTimeoutMs: number
  readonly requestTimeoutMs: number
  readonly connectionCheckMs: number
  readonly keepAliveMs: number
  readonly connections: number
  /** Replies one key may have open at once; the rest of the connections is for other keys and the console. */
  readonly repliesPerKey: number
  /** Wrong keys from one address in a minute before the answer is 429. A right key always passes. */
  readonly wrongKeysPerMinute: number
  /** A reply that takes longer ends with deadline_exceeded. */
  readonly replyTimeoutMs: number
  /** A stream whose client takes nothing for this long is cut. */
  readonly stalledReaderMs: number
  /** Comment lines in a stream that is silent this long, so that nothing on the way gives up on it. */
  readonly keepAliveCommentMs: number
  readonly consoleConnections: number
  readonly consoleMessageBytes: number
  /** What may wait unread in one console connection. */
  readonly consoleBufferBytes: number
  readonly consolePingMs: number
}

export const defaultLimits: ServerLimits = {
  bodyBytes: 1024 * 1024,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 15_000,
  connectionCheckMs: 1000,
  keepAliveMs: 60_000,
  connections: 1200,
  repliesPerKey: 1000,
  wrongKeysPerMinute: 300,
  replyTimeoutMs: 600_000,
  stalledReaderMs: 10_000,
  keepAliveCommentMs: 10_000,
  consoleConnections: 32,
  consoleMessageBytes: 2 * 1024 * 1024,
  consoleBufferBytes: 256 * 1024,
  consolePingMs: 20_000,
}

export interface ServerDependencies {
  readonly replies: ReplyService
  readonly keys: KeyAuthority
  readonly models: { list(): readonly ModelSummary[] | Promise<readonly ModelSummary[]> }
  /** The supervisor's last word on the engine. */
  readonly engine: { readonly state: EngineState }
  /**
   * Replies that may be open at once, slots and waiting places together: one more is refused before any work is done
   * for it.
   */
  readonly capacity?: () => number
  /** Model of requests that name none. */
  readonly defaultModel: () => string
  /** The console: its services, the secret its page was opened with, and the built page; null serves no console. */
  readonly console: { readonly services: ConsoleServices; readonly secret: string; readonly directory: string } | null
  readonly version: string
  readonly log: Log
  readonly limits?: Partial<ServerLimits>
}
