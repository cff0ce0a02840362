import { inspect } from 'node:util'
import type { Change } from '../../shared/domain/change.ts'
import { revive, serialise, SwitchboardError, type SerialisedError } from '../../shared/errors/switchboard-error.ts'
import type { OpenOptions } from './open-database.ts'
import type { Operation, Outcome } from './operations.ts'

/** What a storage worker is started with. The writer opens first: it creates and migrates the file. */
export interface WorkerStart {
  readonly role: 'writer' | 'reader'
  readonly options: OpenOptions
}

/** `open` comes first, and once. */
export type ToWorker =
  | { readonly kind: 'open' }
  | { readonly kind: 'run'; readonly id: number; readonly operation: Operation }
  | { readonly kind: 'close' }

export type FromWorker =
  | { readonly kind: 'opened'; readonly sqliteVersion: string }
  | { readonly kind: 'refused'; readonly error: WireError }
  | { readonly kind: 'outcomes'; readonly outcomes: readonly WireOutcome[] }
  /** The last message; `error` tells why the WAL was not emptied. */
  | { readonly kind: 'closed'; readonly error: WireError | null }

export type WireOutcome = { readonly id: number } & (
  | { readonly kind: 'done'; readonly value: unknown; readonly changes: readonly Change[] }
  | { readonly kind: 'failed'; readonly error: WireError }
)

/** An error with the text of its cause, or its stack where it is a bug: for the log alone. */
export interface WireError {
  readonly error: SerialisedError
  readonly cause: string | null
}

export function toWire(id: number, outcome: Outcome): WireOutcome {
  return outcome.kind === 'done' ? { id, ...outcome } : { id, kind: 'failed', error: errorToWire(outcome.error) }
}

export function fromWire(outcome: WireOutcome): Outcome {
  return outcome.kind === 'done' ? outcome : { kind: 'failed', error: errorFromWire(outcome.error) }
}

export function errorToWire(thrown: unknown): WireError {
  const cause = thrown instanceof SwitchboardError ? thrown.cause : thrown
  return { error: serialise(thrown), cause: cause === undefined ? null : inspect(cause) }
}

export function errorFromWire({ error, cause }: WireError): SwitchboardError {
  const revived = revive(error)
  if (cause !== null) revived.cause = cause
  return revived
}
