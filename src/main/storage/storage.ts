import { Emitter } from '../../shared/base/emitter.ts'
import type { Change } from '../../shared/domain/change.ts'
import { defaultSettings, type Settings } from '../../shared/domain/settings.ts'
import type { BuiltInAssistant } from './assistants.ts'
import { DirectExecutor, type Executor, WorkerExecutor } from './executor.ts'
import { operations, type Stores } from './operations.ts'
import type { ApiKeyRepository, SettingsRepository, Storage } from './repositories.ts'
import { readSettings, settingRows } from './setting-values.ts'

/** How long an operation waits while another process holds the lock. Beside a worker nothing else waits with it. */
const WORKER_LOCK_TIMEOUT_MS = 15_000
const DIRECT_LOCK_TIMEOUT_MS = 5000
/** The last use of a key is written at most this often. */
const NOTE_USE_EVERY_MS = 60_000

export interface StorageOptions {
  readonly path: string
  readonly builtInAssistants: readonly BuiltInAssistant[]
  /** false: reads and writes in the calling thread, for short commands. */
  readonly workers: boolean
  /** Milliseconds since the epoch; for display only, nothing is ordered by it. */
  readonly now?: () => number
}

/** Every store, its methods returning promises. */
type Asynchronous<Store> = {
  readonly [Name in keyof Store]: Store[Name] extends (...values: infer Arguments) => infer Value
    ? (...values: Arguments) => Promise<Value>
    : never
}
type Calls = { readonly [Name in keyof Stores]: Asynchronous<Stores[Name]> }

/** @throws SwitchboardError storage_failed, storage_full, storage_corrupt, storage_newer. */
export async function openStorage({
  path,
  builtInAssistants,
  now = Date.now,
  workers,
}: StorageOptions): Promise<Storage> {
  const options = { path, builtInAssistants, at: now() }
  const executor: Executor = workers
    ? await WorkerExecutor.open({ ...options, lockTimeoutMs: WORKER_LOCK_TIMEOUT_MS })
    : new DirectExecutor({ ...options, lockTimeoutMs: DIRECT_LOCK_TIMEOUT_MS })
  try {
    return await createStorage(executor, now)
  } catch (thrown) {
    await executor.close().catch(() => undefined)
    throw thrown
  }
}

async function createStorage(executor: Executor, now: () => number): Promise<Storage> {
  const changes = new Emitter<Change>()
  const calls = callsThrough(executor, now, changes)
  const { conversations, assistants, models, jobs, file } = calls
  let dataVersion = await file.dataVersion()
  const settings = await createSettings(calls.settings)
  const keys = await createKeys(calls.keys, now)

  const purgeRemoved = async (): Promise<number> => {
    const purged = await conversations.purgeRemoved()
    // Deleted text is gone from the file only once the WAL is emptied.
    if (purged > 0) await file.checkpoint()
    return purged
  }

  const lookForForeignChanges = async (): Promise<void> => {
    const found = await file.dataVersion()
    if (found === dataVersion) return
    await keys.announceRevocations()
    await settings.reread()
    // Only now: a look that failed is repeated.
    dataVersion = found
    changes.emit({ kind: 'everything' })
  }
  let look: Promise<void> | null = null

  return {
    sqliteVersion: executor.sqliteVersion,
    conversations,
    assistants,
    settings: settings.repository,
    keys: keys.repository,
    models,
    jobs,
    onChange: changes.on,
    announceForeignChanges() {
      look ??= lookForForeignChanges().finally(() => {
        look = null
      })
      return look
    },
    async recover() {
      const interrupted = await conversations.interruptStreaming({
        code: 'engine_crashed',
        message: 'the program ended while this reply was being written',
      })
      const purged = await conversations.purgeRemoved()
      await file.checkpoint()
      return { interrupted, purged }
    },
    purgeRemoved,
    dispose: () => executor.close(),
  }
}

function callsThrough(executor: Executor, now: () => number, changes: Emitter<Change>): Calls {
  const call = async (store: keyof Stores, method: string, values: readonly unknown[]): Promise<unknown> => {
    const outcome = await executor.run({ store, method, arguments: values, at: now() })
    if (outcome.kind === 'failed') throw outcome.error
    for (const change of outcome.changes) changes.emit(change)
    return outcome.value
  }
  const stores = Object.entries(operations).map(([store, methods]) => [
    store,
    Object.fromEntries(
      Object.keys(methods).map((method) => [
        method,
        (...values: readonly unknown[]) => call(store as keyof Stores, method, values),
      ]),
    ),
  ])
  return Object.fromEntries(stores) as Calls
}

/** Keeps a snapshot, so that settings can be read without waiting. */
async function createSettings(
  store: Calls['settings'],
): Promise<{ readonly repository: SettingsRepository; readonly reread: () => Promise<void> }> {
  const announced = new Emitter<Settings>()
  let snapshot = readSettings(await store.read())
  const repository: SettingsRepository = {
    defaults: defaultSettings,
    get current() {
      return snapshot.settings
    },
    get unreadable() {
      return snapshot.unreadable
    },
    async update(patch) {
      snapshot = readSettings(await store.update(settingRows(patch)))
      announced.emit(snapshot.settings)
      return snapshot.settings
    },
    onChange: announced.on,
  }
  const reread = async (): Promise<void> => {
    const before = JSON.stringify(snapshot)
    snapshot = readSettings(await store.read())
    if (JSON.stringify(snapshot) !== before) announced.emit(snapshot.settings)
  }
  return { repository, reread }
}

/** Notes the use of keys and announces revocations, which another process may have made. */
async function createKeys(
  store: Calls['keys'],
  now: () => number,
): Promise<{ readonly repository: ApiKeyRepository; readonly announceRevocations: () => Promise<void> }> {
  const revocations = new Emitter<{ readonly keyId: string }>()
  const announced = new Set(await store.revokedIds())
  /** When the last use of a key was noted, by key. */
  const noted = new Map<string, number>()
  const announce = (keyId: string): void => {
    if (announced.has(keyId)) return
    announced.add(keyId)
    revocations.emit({ keyId })
  }
  const repository: ApiKeyRepository = {
    list: store.list,
    create: store.create,
    bind: store.bind,
    async revoke(idOrName) {
      const key = await store.revoke(idOrName)
      announce(key.id)
      return key
    },
    async authenticate(secret) {
      const key = await store.find(secret)
      if (key === null) return null
      const at = now()
      const last = noted.get(key.id) ?? key.lastUsedAt
      if (last === null || at - last >= NOTE_USE_EVERY_MS || at < last) {
        noted.set(key.id, at)
        // For people to look at: a request does not wait for it, and a disk that cannot take it refuses none.
        void store.noteUse(key.id, at).catch(() => undefined)
      }
      return key
    },
    onRevoked: revocations.on,
  }
  return {
    repository,
    announceRevocations: async () => {
      for (const keyId of await store.revokedIds()) announce(keyId)
    },
  }
}
