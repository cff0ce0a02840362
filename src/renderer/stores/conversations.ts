import { createStore, type StoreApi } from 'zustand/vanilla'
import type { ConsoleClient } from '../../shared/contracts/console-bridge.ts'
import type { Conversation, ConversationSummary } from '../../shared/domain/conversation.ts'
import { toSwitchboardError } from '../bridge/reviving-link.ts'
import { notLoaded, type Loadable } from './loadable.ts'

export interface ConversationsState {
  readonly list: Loadable<readonly ConversationSummary[]>
  readonly search: string
}

export interface ConversationsStore {
  readonly store: StoreApi<ConversationsState>
  load(): Promise<void>
  search(text: string): Promise<void>
  create(): Promise<Conversation>
  rename(id: string, title: string): Promise<void>
  /** Hides the conversation at once and puts it back when the program refuses. */
  remove(id: string): Promise<void>
  restore(id: string): Promise<void>
  /** Takes over what changed elsewhere: a new title, a newer message. */
  touch(summary: Pick<ConversationSummary, 'id'> & Partial<ConversationSummary>): void
}

export function createConversationsStore(client: ConsoleClient): ConversationsStore {
  const store = createStore<ConversationsState>(() => ({ list: notLoaded, search: '' }))
  let generation = 0
  /** Deleted here: neither its reply, which may still be ending, nor an answer that was on its way brings it back. */
  const removed = new Set<string>()

  const shown = (): readonly ConversationSummary[] => store.getState().list.value ?? []
  const replace = (value: readonly ConversationSummary[]): void =>
    store.setState({ list: { kind: 'ready', value: value.toSorted((a, b) => b.updatedAt - a.updatedAt) } })

  const load = async (): Promise<void> => {
    const mine = (generation += 1)
    const { search } = store.getState()
    store.setState(({ list }) => ({ list: { kind: 'loading', value: list.value } }))
    try {
      const found = await client.conversations.list(search.trim() === '' ? {} : { search: search.trim() })
      if (mine === generation)
        store.setState({ list: { kind: 'ready', value: found.filter(({ id }) => !removed.has(id)) } })
    } catch (thrown) {
      if (mine === generation)
        store.setState(({ list }) => ({
          list: { kind: 'failed', value: list.value, error: toSwitchboardError(thrown) },
        }))
    }
  }

  const touch: ConversationsStore['touch'] = ({ id, title, model, createdAt, updatedAt }) => {
    if (removed.has(id)) return
    if (shown().some((other) => other.id === id)) {
      replace(
        shown().map((other) =>
          other.id === id ? { ...other, title: title ?? other.title, updatedAt: updatedAt ?? other.updatedAt } : other,
        ),
      )
    } else if (
      store.getState().search === '' &&
      title !== undefined &&
      model !== undefined &&
      createdAt !== undefined &&
      updatedAt !== undefined
    ) {
      replace([{ id, title, model, createdAt, updatedAt, excerpt: null }, ...shown()])
    }
  }

  return {
    store,
    load,
    touch,
    async search(text) {
      store.setState({ search: text.slice(0, 200) })
      await load()
    },
    async create() {
      const conversation = await client.conversations.create({})
      touch(conversation)
      return conversation
    },
    async rename(id, title) {
      const before = shown()
      touch({ id, title })
      try {
        await client.conversations.update({ id, title })
      } catch (thrown) {
        replace(before)
        throw thrown
      }
    },
    async remove(id) {
      const before = shown()
      removed.add(id)
      replace(before.filter((other) => other.id !== id))
      try {
        await client.conversations.remove({ id })
      } catch (thrown) {
        removed.delete(id)
        replace(before)
        throw thrown
      }
    },
    async restore(id) {
      const conversation = await client.conversations.restore({ id })
      removed.delete(id)
      touch(conversation)
    },
  }
}
