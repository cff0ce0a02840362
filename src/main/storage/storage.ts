import type { Disposable } from '../../shared/base/disposable.ts'
import { createApiKeyRepository, type ApiKeyRepository } from './api-keys.ts'
import { createConversationRepository, type ConversationRepository } from './conversations.ts'
import { Database } from './database.ts'
import { migrate, type Migration } from './migrate.ts'
import { initial } from './migrations/0001-initial.ts'
import { createPresetRepository, type BuiltInPreset, type PresetRepository } from './presets.ts'
import { createSettingsRepository, type SettingsRepository } from './settings.ts'

/** In order; only ever added to. */
export const migrations: readonly Migration[] = [initial]

/** Everything that is kept, one repository an aggregate. */
export interface Storage extends Disposable {
  readonly sqliteVersion: string
  readonly conversations: ConversationRepository
  readonly presets: PresetRepository
  readonly settings: SettingsRepository
  readonly keys: ApiKeyRepository
  /**
   * What the one long-running process does first: replies left unfinished by a dead process become interrupted, removed
   * conversations go for good, the WAL is emptied. Never from a short command beside a running instance.
   */
  recover(): { readonly interrupted: number; readonly purged: number }
  /** Empties the WAL and closes the file. */
  dispose(): void
}

export interface StorageOptions {
  readonly path: string
  readonly builtInPresets: readonly BuiltInPreset[]
  /** Milliseconds since the epoch; for display only, nothing is ordered by it. */
  readonly now?: () => number
}

/** @throws SwitchboardError storage_failed, storage_full, storage_corrupt, storage_newer. */
export function openStorage({ path, builtInPresets, now = Date.now }: StorageOptions): Storage {
  const database = new Database(path)
  try {
    migrate(database, migrations)
  } catch (thrown) {
    database.close()
    throw thrown
  }
  const conversations = createConversationRepository(database, now)
  const settings = createSettingsRepository(database)
  return {
    sqliteVersion: String(database.get('SELECT sqlite_version() AS version')?.['version']),
    conversations,
    presets: createPresetRepository(database, builtInPresets, { language: () => settings.get().language, now }),
    settings,
    keys: createApiKeyRepository(database, now),
    recover() {
      const interrupted = conversations.interruptStreaming({
        code: 'engine_crashed',
        message: 'the program ended while this reply was being written',
      })
      const purged = conversations.purgeRemoved()
      database.checkpoint()
      return { interrupted, purged }
    },
    dispose() {
      // A full disk must not keep the file open; the WAL is then replayed at the next start.
      try {
        database.checkpoint()
      } finally {
        database.close()
      }
    },
  }
}
