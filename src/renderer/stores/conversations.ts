import { createStore, type StoreApi } from 'zustand/vanilla'
import type { ConsoleClient } from '../../shared/contracts/console-bridge.ts'
import type { Page } from '../../shared/contracts/console.ts'
import type { Conversation, ConversationSummary } from '../../shared/domain/conversation.ts'
import { toSwitchboardError } from '../bridge/reviving-link.ts'
import { PendingEdits } from '../lib/pending-edits.ts'
import { notLoaded, type Loadable } from './loadable.ts'

export interface ConversationsState {
  /** The rows loaded so far, most recently used first. */
  readonly list: Loadable<readonly ConversationSummary[]>
  /** Where the next rows begin; null once all are loaded. */
  readonly nextCursor: string | null
  readonly loadingMore: boolean
  readonly search: string
}

type RowFields = Pick<ConversationSummary, 'title' | 'assistantId' | 'updatedAt'>

export interface ConversationsStore {
  readonly store: StoreApi<ConversationsState>
  /** Fetches as many rows as were loaded before. */
  load(): Promise<void>
  /** Fetches the rows that follow; nothing while they are on their way or all are loaded. */
  loadMore(): Promise<void>
  /**
   * Shows the rows that match. Ends the search before. Pass `composing` while an input method composes: the field shows
   * the text, and nothing is searched until the composition ends.
   */
  search(text: string, composing?: boolean): Promise<void>
  create(values?: { readonly assistantId?: string | null; readonly model?: string | null }): Promise<Conversation>
  rename(id: string, title: string): Promise<void>
  /** Hides the conversation at once and puts it back when the program refuses. */
  remove(id: string): Promise<void>
  restore(id: string): Promise<void>
  /** Takes over what changed elsewhere: a new title, a newer message. */
  touch(summary: Pick<ConversationSummary, 'id'> & Partial<ConversationSummary>): void
  /** Looks again at the rows of these conversations, after they changed elsewhere. */
  refresh(ids: readonly string[]): Promise<void>
}

const PAGE = 60
const MAX_PAGE = 200
const MAX_SEARCH_CHARACTERS = 200

/** Ties are ordered by id, as in the program, so that pages do not overlap. */
const byUse = (a: ConversationSummary, b: ConversationSummary): number =>
  b.updatedAt - a.updatedAt || (a.id < b.id ? 1 : -1)

export function createConversationsStore(client: ConsoleClient): ConversationsStore {
  const store = createStore<ConversationsState>(() => ({
    list: notLoaded,
    nextCursor: null,
    loadingMore: false,
    search: '',
  }))
  /** The answer to an earlier load or search does not count; its call is aborted. */
  let current = new AbortController()
  /** Deleted in this window. Late answers and replies that are still ending must not bring them back. */
  const removed = new Set<string>()
  const renames = new Map<string, PendingEdits<{ readonly title: string }>>()

  const shown = (): readonly ConversationSummary[] => store.getState().list.value ?? []
  const replace = (value: readonly ConversationSummary[]): void =>
    store.setState({ list: { kind: 'ready', value: value.toSorted(byUse) } })

  /** Rows as they are to be shown: without deleted ones, with titles that are on their way. */
  const rowsOf = (items: readonly ConversationSummary[]): readonly ConversationSummary[] =>
    items.filter(({ id }) => !removed.has(id)).map((row) => renames.get(row.id)?.over(row) ?? row)

  const ask = (limit: number, cursor: string | null, signal: AbortSignal): Promise<Page<ConversationSummary>> => {
    const search = store.getState().search.trim()
    return client.conversations.list(
      { limit, ...(search === '' ? {} : { search }), ...(cursor === null ? {} : { cursor }) },
      { signal },
    )
  }

  const load = async (count: number): Promise<void> => {
    current.abort()
    const mine = new AbortController()
    current = mine
    store.setState(({ list }) => ({ list: { kind: 'loading', value: list.value }, loadingMore: false }))
    try {
      const wanted = Math.max(PAGE, count)
      const items: ConversationSummary[] = []
      let nextCursor: string | null = null
      do {
        const limit = Math.min(MAX_PAGE, wanted - items.length)
        const page: Page<ConversationSummary> = await ask(limit, nextCursor, mine.signal)
        items.push(...page.items)
        nextCursor = page.nextCursor
      } while (nextCursor !== null && items.length < wanted)
      if (mine !== current) return
      store.setState({ list: { kind: 'ready', value: rowsOf(items) }, nextCursor })
    } catch (thrown) {
      if (mine === current)
        store.setState(({ list }) => ({
          list: { kind: 'failed', value: list.value, error: toSwitchboardError(thrown) },
        }))
    }
  }

  const touch: ConversationsStore['touch'] = ({ id, ...changes }) => {
    if (removed.has(id)) return
    const { title, assistantId, createdAt, updatedAt } = changes
    const known = shown().find((row) => row.id === id)
    if (known) {
      const fields: Partial<RowFields> = {
        ...(title === undefined ? {} : { title }),
        ...(assistantId === undefined ? {} : { assistantId }),
        ...(updatedAt === undefined ? {} : { updatedAt }),
      }
      replace(shown().map((row) => (row.id === id ? { ...row, ...fields } : row)))
    } else if (
      store.getState().search === '' &&
      title !== undefined &&
      assistantId !== undefined &&
      createdAt !== undefined &&
      updatedAt !== undefined
    ) {
      replace([{ id, title, assistantId, createdAt, updatedAt, excerpt: null, matchedMessageId: null }, ...shown()])
    }
  }

  /** A row whose conversation is no longer among the most recently used ones, or gone. */
  const refreshOne = async (id: string): Promise<void> => {
    try {
      const conversation = await client.conversations.get({ id })
      touch(renames.get(id)?.over(conversation) ?? conversation)
    } catch (thrown) {
      if (toSwitchboardError(thrown).code === 'conversation_not_found') replace(shown().filter((row) => row.id !== id))
    }
  }

  return {
    store,
    touch,
    load: () => load(shown().length),
    async loadMore() {
      const { nextCursor, loadingMore, list } = store.getState()
      if (nextCursor === null || loadingMore || list.kind === 'loading') return
      const mine = current
      store.setState({ loadingMore: true })
      try {
        const page = await ask(PAGE, nextCursor, mine.signal)
        if (mine !== current) return
        const known = new Set(shown().map(({ id }) => id))
        replace([...shown(), ...rowsOf(page.items).filter(({ id }) => !known.has(id))])
        store.setState({ nextCursor: page.nextCursor, loadingMore: false })
      } catch (thrown) {
        if (mine === current)
          store.setState(({ list: { value } }) => ({
            list: { kind: 'failed', value, error: toSwitchboardError(thrown) },
            loadingMore: false,
          }))
      }
    },
    async search(text, composing = false) {
      store.setState({ search: text.slice(0, MAX_SEARCH_CHARACTERS) })
      if (!composing) await load(0)
    },
    async create(values = {}) {
      const conversation = await client.conversations.create(values)
      touch(conversation)
      return conversation
    },
    async rename(id, title) {
      const row = shown().find((candidate) => candidate.id === id)
      const pending = renames.get(id) ?? new PendingEdits<{ readonly title: string }>()
      renames.set(id, pending)
      const edit = pending.begin({ title }, { title: row?.title ?? '' })
      touch({ id, title })
      try {
        touch({ id, ...pending.accept(edit, await client.conversations.update({ id, title })) })
      } catch (thrown) {
        touch({ id, ...pending.refuse(edit) })
        throw thrown
      } finally {
        if (pending.isEmpty) renames.delete(id)
      }
    },
    async remove(id) {
      const before = shown().find((row) => row.id === id)
      removed.add(id)
      replace(shown().filter((row) => row.id !== id))
      try {
        await client.conversations.remove({ id })
      } catch (thrown) {
        removed.delete(id)
        if (before) replace([...shown(), before])
        throw thrown
      }
    },
    async restore(id) {
      const conversation = await client.conversations.restore({ id })
      removed.delete(id)
      touch(conversation)
    },
    async refresh(ids) {
      const { search, list } = store.getState()
      // Rows of a search stand where the search put them; rows on their way are new anyway.
      if (search !== '' || list.kind === 'loading') {
        await load(shown().length)
        return
      }
      const mine = current
      const head = await ask(PAGE, null, mine.signal)
      if (mine !== current) return
      const fresh = rowsOf(head.items)
      const inHead = new Set(fresh.map(({ id }) => id))
      // Where the head is the whole list, what is not in it is gone.
      const rest = head.nextCursor === null ? [] : shown().filter(({ id }) => !inHead.has(id))
      replace([...fresh, ...rest])
      const changed = new Set(ids)
      await Promise.all(rest.filter(({ id }) => changed.has(id)).map(({ id }) => refreshOne(id)))
    },
  }
}
