import { createStore, type StoreApi } from 'zustand/vanilla'
import type { ConsoleClient } from '../../shared/contracts/console-bridge.ts'
import type { Conversation, ParameterOverrides, TurnEvent } from '../../shared/domain/conversation.ts'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import { toSwitchboardError } from '../bridge/reviving-link.ts'
import { FrameBatch, type ScheduleFrame } from '../lib/frame-batch.ts'
import { PendingEdits } from '../lib/pending-edits.ts'
import {
  afterEvent,
  afterFailure,
  emptyEntry,
  hasParentOf,
  withFetched,
  withText,
  type ChatEntry,
  type Turn,
} from './chat-state.ts'

export interface ChatState {
  readonly entries: Readonly<Record<string, ChatEntry>>
}

/** The fields of a conversation that people edit. The title is edited in the list. */
interface EditableFields {
  readonly assistantId: string | null
  readonly model: string | null
  readonly systemPrompt: string
  readonly parameters: ParameterOverrides
}

export type ConversationPatch = Partial<EditableFields>

export interface ChatStore {
  readonly store: StoreApi<ChatState>
  /**
   * Fetches the conversation where it is not held yet, and follows the turns that other windows start in it. Returns
   * the function that stops following.
   */
  open(id: string): () => void
  /** Fetches one conversation again. */
  refresh(id: string): Promise<void>
  /** Fetches every conversation held again and follows the open ones again, after a reconnect. */
  reload(): Promise<void>
  /** Takes a conversation that was just created, without fetching it. */
  adopt(conversation: Conversation): void
  /** Resolves once the reply ended. Returns false when the question was not taken, so that its text can be kept. */
  send(id: string, text: string, parentId?: string | null): Promise<boolean>
  regenerate(id: string, messageId: string): Promise<void>
  /** Goes on writing a reply that was cut off or stopped. */
  continue(id: string, messageId: string): Promise<void>
  stop(id: string): Promise<void>
  showBranch(id: string, messageId: string): Promise<void>
  /** Shows the change at once; `saving` of the entry says whether it was kept. */
  update(id: string, patch: ConversationPatch): Promise<void>
  dismissError(id: string): void
}

export interface ChatOptions {
  readonly client: ConsoleClient
  readonly schedule: ScheduleFrame
  /** Identifies this window in the turns it starts, so that it does not follow its own. */
  readonly windowId: string
  /** Called when a title or the time of the last message changed. */
  readonly onChange: (conversation: Conversation) => void
}

/** An open conversation: how many parts of the page show it, and the stream of its turns, if one is read. */
interface Following {
  count: number
  stream: AbortController | null
}

/** Conversations and the replies being written. Streams live here, so leaving the page does not end a reply. */
export function createChatStore({ client, schedule, windowId, onChange }: ChatOptions): ChatStore {
  const store = createStore<ChatState>(() => ({ entries: {} }))
  const following = new Map<string, Following>()
  const edits = new Map<string, PendingEdits<EditableFields>>()
  /** Fetched while a turn was running: fetched again once it ended. */
  const stale = new Set<string>()

  const entryOf = (id: string): ChatEntry => store.getState().entries[id] ?? emptyEntry
  const put = (id: string, change: (entry: ChatEntry) => ChatEntry): void =>
    store.setState(({ entries }) => ({ entries: { ...entries, [id]: change(entries[id] ?? emptyEntry) } }))
  const editsOf = (id: string): PendingEdits<EditableFields> => {
    const known = edits.get(id) ?? new PendingEdits<EditableFields>()
    edits.set(id, known)
    return known
  }

  const batch = new FrameBatch(schedule, (texts) => {
    store.setState(({ entries }) => {
      const changed = { ...entries }
      for (const [id, text] of texts) changed[id] = withText(changed[id] ?? emptyEntry, text)
      return { entries: changed }
    })
  })

  const announce = (id: string): void => {
    const { conversation } = entryOf(id)
    if (conversation) onChange(conversation)
  }

  const fetch = async (id: string): Promise<void> => {
    put(id, (entry) => ({ ...entry, loading: true, loadError: null }))
    try {
      const conversation = editsOf(id).over(await client.conversations.get({ id }))
      if (entryOf(id).turn) stale.add(id)
      put(id, (entry) => ({ ...withFetched(entry, conversation), loading: false }))
    } catch (thrown) {
      put(id, (entry) => ({ ...entry, loading: false, loadError: toSwitchboardError(thrown) }))
    }
  }

  /** Draws an event of a turn, after the messages it stands on. */
  const apply = async (id: string, event: TurnEvent): Promise<void> => {
    if (event.kind === 'delta') {
      if (entryOf(id).turn?.kind === 'writing') batch.add(id, event.text)
      return
    }
    batch.flush()
    if (event.kind === 'started' && !hasParentOf(entryOf(id).conversation, event.userMessage)) {
      const conversation = editsOf(id).over(await client.conversations.get({ id }))
      put(id, (entry) => ({ ...entry, conversation, loading: false, loadError: null }))
    }
    put(id, (entry) => afterEvent(entry, event))
    announce(id)
    if (event.kind === 'ended' && stale.delete(id)) void fetch(id)
  }

  /** Returns whether the question was taken. */
  const run = async (id: string, waiting: Turn, start: () => Promise<AsyncIterable<TurnEvent>>): Promise<boolean> => {
    let started = false
    let ended = false
    put(id, (entry) => ({ ...entry, turn: waiting, turnError: null }))
    try {
      for await (const event of await start()) {
        await apply(id, event)
        if (event.kind === 'started') started = true
        else if (event.kind === 'ended') ended = true
      }
      if (!ended) throw new SwitchboardError('disconnected', 'The stream ended before the reply did.')
    } catch (thrown) {
      batch.flush()
      put(id, (entry) => afterFailure(entry, toSwitchboardError(thrown)))
    }
    return started
  }

  /** Follows the turns of other windows until the conversation is left or the stream breaks. */
  const follow = async (id: string, entry: Following): Promise<void> => {
    entry.stream?.abort()
    const mine = new AbortController()
    entry.stream = mine
    let running = false
    try {
      for await (const event of await client.chat.watch({ conversationId: id, windowId }, { signal: mine.signal })) {
        if (mine.signal.aborted) break
        await apply(id, event)
        running = event.kind !== 'ended'
      }
    } catch {
      // A lost connection is shown over the page; a conversation that is gone is said by its fetch.
    }
    if (entry.stream === mine) entry.stream = null
    if (!running) return
    batch.flush()
    put(id, (held) => ({ ...held, turn: null }))
    await fetch(id)
  }

  const ask = (id: string, parentId: string | null, question: string | null): Turn | null =>
    entryOf(id).turn ? null : { kind: 'waiting', question, parentId }

  /** The question of a reply, under which a reply being written hangs. */
  const questionOf = (id: string, replyId: string): string | null =>
    entryOf(id).conversation?.messages.find((message) => message.id === replyId)?.parentId ?? null

  return {
    store,
    open(id) {
      const entry = following.get(id) ?? { count: 0, stream: null }
      following.set(id, entry)
      entry.count += 1
      if (entry.stream === null) void follow(id, entry)
      if (!entryOf(id).conversation && !entryOf(id).loading) void fetch(id)
      let left = false
      return () => {
        if (left) return
        left = true
        entry.count -= 1
        if (entry.count > 0) return
        following.delete(id)
        entry.stream?.abort()
      }
    },
    async refresh(id) {
      const entry = following.get(id)
      if (entry?.stream === null) void follow(id, entry)
      await fetch(id)
      announce(id)
    },
    async reload() {
      for (const [id, entry] of following) void follow(id, entry)
      // "Not sent" was about the connection that is there again.
      for (const [id, entry] of Object.entries(store.getState().entries))
        if (entry.turnError?.code === 'disconnected') put(id, (held) => ({ ...held, turnError: null }))
      await Promise.all(
        Object.entries(store.getState().entries)
          .filter(([, entry]) => entry.turn === null)
          .map(([id]) => fetch(id)),
      )
    },
    adopt(conversation) {
      put(conversation.id, (entry) => ({ ...entry, conversation, loading: false, loadError: null }))
    },
    async send(id, text, parentId) {
      const under = parentId === undefined ? (entryOf(id).conversation?.activeLeafId ?? null) : parentId
      const waiting = ask(id, under, text)
      if (!waiting) return false
      return run(id, waiting, () =>
        client.chat.send({ conversationId: id, text, windowId, ...(parentId === undefined ? {} : { parentId }) }),
      )
    },
    async regenerate(id, messageId) {
      const waiting = ask(id, questionOf(id, messageId), null)
      if (waiting) await run(id, waiting, () => client.chat.regenerate({ conversationId: id, messageId, windowId }))
    },
    async continue(id, messageId) {
      const waiting = ask(id, messageId, null)
      if (waiting) await run(id, waiting, () => client.chat.continue({ conversationId: id, messageId, windowId }))
    },
    async stop(id) {
      await client.chat.stop({ conversationId: id })
    },
    async showBranch(id, messageId) {
      const conversation = editsOf(id).over(await client.conversations.showBranch({ id, messageId }))
      put(id, (entry) => ({ ...entry, conversation }))
    },
    async update(id, patch) {
      const { conversation } = entryOf(id)
      if (!conversation) return
      const pending = editsOf(id)
      const edit = pending.begin(patch, conversation)
      const show = (fields: Partial<EditableFields>): void =>
        put(id, (entry) => ({
          ...entry,
          conversation: entry.conversation ? { ...entry.conversation, ...fields } : null,
        }))
      const say = (saving: ChatEntry['saving']): void => put(id, (entry) => ({ ...entry, saving }))
      show(patch)
      say({ kind: 'saving' })
      try {
        show(pending.accept(edit, await client.conversations.update({ id, ...patch })))
        if (pending.isEmpty && entryOf(id).saving.kind === 'saving') say({ kind: 'saved' })
      } catch (thrown) {
        show(pending.refuse(edit))
        say({ kind: 'failed', error: toSwitchboardError(thrown) })
      }
    },
    dismissError(id) {
      put(id, (entry) => ({ ...entry, turnError: null }))
    },
  }
}
