import type { Change } from '../../shared/domain/change.ts'
import { createApiKeyStore, type ApiKeyStore } from './api-keys.ts'
import { createAssistantStore, type AssistantStore } from './assistants.ts'
import { createConversationStore, type ConversationStore } from './conversations.ts'
import type { Database } from './database.ts'
import { createJobStore } from './jobs.ts'
import { createModelStore } from './models.ts'
import type { JobRepository, ModelRepository } from './repositories.ts'
import { createSettingsStore, type SettingsStore } from './settings.ts'
import type { Store } from './store.ts'

/** What concerns the file and not the rows in it. Runs outside of any transaction. */
export interface FileStore {
  /** Moves when another connection changed the file (https://sqlite.org/pragma.html#pragma_data_version). */
  dataVersion(): number
  checkpoint(): void
}

export interface Stores {
  readonly conversations: ConversationStore
  readonly assistants: AssistantStore
  readonly settings: SettingsStore
  readonly keys: ApiKeyStore
  readonly models: Store<ModelRepository>
  readonly jobs: Store<JobRepository>
  readonly file: FileStore
}

/**
 * How an operation runs. `read`: on a snapshot of its own, beside the writer. `write`: in a transaction, perhaps shared
 * with other writes. `note`: a write that is left out where another process holds the lock. `alone`: on the writer's
 * connection, outside of any transaction.
 */
export type OperationKind = 'read' | 'write' | 'note' | 'alone'

/** Every operation of the stores. */
export const operations = {
  conversations: {
    list: 'read',
    get: 'read',
    path: 'read',
    create: 'write',
    update: 'write',
    showBranch: 'write',
    remove: 'write',
    restore: 'write',
    beginQuestion: 'write',
    beginReply: 'write',
    beginContinuation: 'write',
    appendText: 'write',
    endReply: 'write',
    interruptStreaming: 'write',
    purgeRemoved: 'write',
  },
  assistants: {
    list: 'read',
    get: 'read',
    find: 'read',
    version: 'read',
    versions: 'read',
    create: 'write',
    update: 'write',
    publish: 'write',
    unpublish: 'write',
    takeBack: 'write',
    remove: 'write',
    restore: 'write',
    seed: 'write',
  },
  settings: { read: 'read', update: 'write' },
  keys: {
    list: 'read',
    find: 'read',
    revokedIds: 'read',
    create: 'write',
    bind: 'write',
    revoke: 'write',
    noteUse: 'note',
  },
  models: { list: 'read', find: 'read', addVersion: 'write', use: 'write', remove: 'write' },
  jobs: {
    list: 'read',
    get: 'read',
    start: 'write',
    restart: 'write',
    progress: 'write',
    end: 'write',
    requestCancel: 'write',
    dismiss: 'write',
    interruptAbandoned: 'write',
  },
  file: { dataVersion: 'alone', checkpoint: 'alone' },
} as const satisfies { readonly [Name in keyof Stores]: Readonly<Record<keyof Stores[Name], OperationKind>> }

/** One call of a store as plain data. */
export interface Operation {
  readonly store: keyof Stores
  readonly method: string
  readonly arguments: readonly unknown[]
  /** When it was called, milliseconds since the epoch. */
  readonly at: number
}

/** What came of an operation: its value and what it changed, or what it threw. */
export type Outcome =
  | { readonly kind: 'done'; readonly value: unknown; readonly changes: readonly Change[] }
  | { readonly kind: 'failed'; readonly error: unknown }

export function kindOf({ store, method }: Pick<Operation, 'store' | 'method'>): OperationKind {
  return (operations[store] as Readonly<Record<string, OperationKind>>)[method] ?? 'write'
}

/** Runs operations on one connection. */
export class OperationRunner {
  readonly #database: Database
  readonly #stores: Stores
  #at = 0
  #changes: Change[] = []

  constructor(database: Database) {
    this.#database = database
    const context = {
      database,
      now: () => this.#at,
      changed: (change: Change) => void this.#changes.push(change),
    }
    this.#stores = {
      conversations: createConversationStore(context),
      assistants: createAssistantStore(context),
      settings: createSettingsStore(context),
      keys: createApiKeyStore(context),
      models: createModelStore(context),
      jobs: createJobStore(context),
      file: {
        dataVersion: () => Number(database.get('PRAGMA data_version')?.['data_version']),
        checkpoint: () => database.checkpoint(),
      },
    }
  }

  /** One operation in a transaction of its own, where its kind asks for one. */
  run(operation: Operation): Outcome {
    const kind = kindOf(operation)
    if (kind === 'write' || kind === 'note') return this.runTogether([operation])[0] as Outcome
    return attempt(() =>
      kind === 'alone' ? this.#perform(operation) : this.#database.transaction(() => this.#perform(operation), 'read'),
    )
  }

  /**
   * Several writes in one transaction: one sync of the disk for all of them. A write that fails is undone alone. What
   * fails as a whole, such as a commit on a full disk, is tried again one by one, so that each gets its own outcome.
   */
  runTogether(writes: readonly Operation[]): readonly Outcome[] {
    const waits = writes.some((write) => kindOf(write) === 'write')
    let begun = false
    try {
      return this.#database.transaction(
        () => {
          begun = true
          return writes.map((write) => {
            const outcome = attempt(() => this.#database.savepoint(() => this.#perform(write)))
            // SQLite undid the whole transaction, and with it the writes before this one.
            if (outcome.kind === 'failed' && !this.#database.inTransaction) throw outcome.error
            return outcome
          })
        },
        waits ? 'write' : 'write-at-once',
      )
    } catch (error) {
      if (!begun || writes.length === 1) return writes.map(() => ({ kind: 'failed', error }))
      return writes.flatMap((write) => this.runTogether([write]))
    }
  }

  #perform({ store, method, arguments: values, at }: Operation): Extract<Outcome, { kind: 'done' }> {
    this.#at = at
    this.#changes = []
    const operation = (this.#stores[store] as unknown as Record<string, (...values: readonly unknown[]) => unknown>)[
      method
    ]
    const value = operation?.(...values)
    return { kind: 'done', value, changes: this.#changes }
  }
}

function attempt(work: () => Outcome): Outcome {
  try {
    return work()
  } catch (error) {
    return { kind: 'failed', error }
  }
}
