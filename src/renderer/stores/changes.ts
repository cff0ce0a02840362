import type { ConsoleClient } from '../../shared/contracts/console-bridge.ts'
import type { Change } from '../../shared/domain/change.ts'
import type { ScheduleFrame } from '../lib/frame-batch.ts'
import type { ChatStore } from './chat.ts'
import type { ConversationsStore } from './conversations.ts'
import type { Resource } from './resources.ts'
import type { SettingsStore } from './settings.ts'

/** The stores that fetched something which may change elsewhere. */
export interface ChangingStores {
  readonly conversations: ConversationsStore
  readonly chat: ChatStore
  readonly settings: SettingsStore
  readonly assistants: Pick<Resource<unknown>, 'refresh'>
  readonly models: Pick<Resource<unknown>, 'refresh'>
  readonly keys: Pick<Resource<unknown>, 'refresh'>
}

export interface ChangesStore {
  /** Keeps the stores at what is stored, until the stream ends; called anew after each reconnect. */
  follow(): Promise<void>
}

/**
 * Keeps all windows alike: only what changed is fetched again. Changes are batched by frame and while a fetch is in
 * flight, so that a burst costs at most two fetches of each kind.
 */
export function createChangesStore(
  client: ConsoleClient,
  stores: ChangingStores,
  schedule: ScheduleFrame,
): ChangesStore {
  let generation = 0
  let waiting: Change[] = []
  let refreshing = false

  const refresh = async (changes: readonly Change[]): Promise<void> => {
    const kinds = new Set(changes.map(({ kind }) => kind))
    const all = kinds.has('everything')
    const has = (kind: Change['kind']): boolean => all || kinds.has(kind)
    const ids = [...new Set(changes.flatMap((change) => (change.kind === 'conversations' ? [change.id] : [])))]
    const known = ids.filter((id) => id !== null)
    const { entries } = stores.chat.store.getState()
    // `allSettled`: the pages say what they could not fetch; the other stores are not held up by it.
    await Promise.allSettled([
      ...(has('settings') ? [stores.settings.load()] : []),
      ...(has('assistants') ? [stores.assistants.refresh()] : []),
      ...(has('models') ? [stores.models.refresh()] : []),
      ...(has('keys') ? [stores.keys.refresh()] : []),
      ...(all || ids.length > known.length
        ? [stores.conversations.load(), stores.chat.reload()]
        : known.length > 0
          ? [
              stores.conversations.refresh(known),
              ...known.filter((id) => entries[id]?.conversation).map((id) => stores.chat.refresh(id)),
            ]
          : []),
    ])
  }

  const refreshWaiting = async (): Promise<void> => {
    if (refreshing) return
    refreshing = true
    while (waiting.length > 0) {
      const changes = waiting
      waiting = []
      await refresh(changes)
    }
    refreshing = false
  }

  return {
    async follow() {
      const mine = (generation += 1)
      try {
        for await (const change of await client.changes.watch()) {
          if (mine !== generation) return
          waiting.push(change)
          if (waiting.length === 1) schedule(() => void refreshWaiting())
        }
      } catch {
        // A lost connection is shown over the page; everything is fetched again after it.
      }
    },
  }
}
