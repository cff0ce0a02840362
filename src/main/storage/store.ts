import type { Change } from '../../shared/domain/change.ts'
import type { Database } from './database.ts'

/**
 * A repository beside its database: the same methods without promises. Each runs inside a transaction that the caller
 * opened (see operations.ts).
 */
export type Store<Repository> = {
  readonly [
    Name in keyof Repository as Repository[Name] extends (...values: never[]) => Promise<unknown> ? Name : never
  ]: Repository[Name] extends (...values: infer Arguments) => Promise<infer Value>
    ? (...values: Arguments) => Value
    : never
}

export interface StoreContext {
  readonly database: Database
  /** Milliseconds since the epoch; for display only, nothing is ordered by it. */
  now(): number
  /** Notes what the running operation changes; announced once it is committed. */
  changed(change: Change): void
}
