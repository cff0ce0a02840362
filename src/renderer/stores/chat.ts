import { createStore, type StoreApi } from 'zustand/vanilla'
import type { ConsoleClient } from '../../shared/contracts/console-bridge.ts'
import type { Conversation, ParameterOverrides, TurnEvent } from '../../shared/domain/conversation.ts'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import { toSwitchboardError } from '../bridge/reviving-link.ts'
import { FrameBatch, type ScheduleFrame } from '../lib/frame-batch.ts'
import { afterEvent, afterFailure, emptyEntry, withText, type ChatEntry, type Turn } from './chat-state.ts'

export interface ChatState {
  readonly entries: Readonly<Record<string, ChatEntry>>
}

export interface ConversationPatch {
  readonly presetId?: string | null
  readonly systemPrompt?: string
  readonly parameters?: ParameterOverrides
}

export interface ChatStore {
  readonly store: StoreApi<ChatState>
  open(id: string): Promise<void>
  /** Fetches one conversation again. */
  refresh(id: string): Promise<void>
  /** Fetches every conversation held again, after a reconnect. */
  reload(): Promise<void>
  /** Takes a conversation that was just created, without fetching it. */
  adopt(conversation: Conversation): void
  /** Resolves once the reply ended. Returns false when the question was not taken, so that its text can be kept. */
  send(id: string, text: string, parentId?: string | null): Promise<boolean>
  regenerate(id: string, messageId: string): Promise<void>
  stop(id: string): Promise<void>
  showBranch(id: string, messageId: string): Promise<void>
  /** Shows the change at once and says whether it was kept. */
  update(id: string, patch: ConversationPatch): Promise<void>
  dismissError(id: string): void
}

export interface ChatOptions {
  readonly client: ConsoleClient
  readonly schedule: ScheduleFrame
  /** Called when a title or the time of the last message changed. */
  readonly onChange: (conversation: Conversation) => void
}

/** Conversations and the replies being written. Streams live here, so leaving the page does not end a reply. */
export function createChatStore({ client, schedule, onChange }: ChatOptions): ChatStore {
  const store = createStore<ChatState>(() => ({ entries: {} }))
  const entryOf = (id: string): ChatEntry => store.getState().entries[id] ?? emptyEntry
  const put = (id: string, change: (entry: ChatEntry) => ChatEntry): void =>
    store.setState(({ entries }) => ({ entries: { ...entries, [id]: change(entries[id] ?? emptyEntry) } }))

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
      const conversation = await client.conversations.get({ id })
      // While a reply is being written here, the stream knows more than the answer that was under way.
      put(id, (entry) => (entry.turn ? { ...entry, loading: false } : { ...entry, loading: false, conversation }))
    } catch (thrown) {
      put(id, (entry) => ({ ...entry, loading: false, loadError: toSwitchboardError(thrown) }))
    }
  }

  /** Returns whether the question was taken. */
  const run = async (id: string, waiting: Turn, start: () => Promise<AsyncIterable<TurnEvent>>): Promise<boolean> => {
    let started = false
    let ended = false
    put(id, (entry) => ({ ...entry, turn: waiting, turnError: null }))
    try {
      for await (const event of await start()) {
        if (event.kind === 'delta') {
          batch.add(id, event.text)
          continue
        }
        batch.flush()
        put(id, (entry) => afterEvent(entry, event))
        announce(id)
        if (event.kind === 'started') started = true
        else ended = true
      }
      if (!ended) throw new SwitchboardError('disconnected', 'The stream ended before the reply did.')
    } catch (thrown) {
      batch.flush()
      put(id, (entry) => afterFailure(entry, toSwitchboardError(thrown)))
    }
    return started
  }

  return {
    store,
    async open(id) {
      if (!entryOf(id).conversation) await fetch(id)
    },
    refresh: fetch,
    async reload() {
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
      if (entryOf(id).turn) return false
      const under = parentId === undefined ? (entryOf(id).conversation?.activeLeafId ?? null) : parentId
      return run(id, { kind: 'waiting', question: text, parentId: under }, () =>
        client.chat.send(
          parentId === undefined ? { conversationId: id, text } : { conversationId: id, text, parentId },
        ),
      )
    },
    async regenerate(id, messageId) {
      const entry = entryOf(id)
      if (entry.turn) return
      const parentId = entry.conversation?.messages.find((message) => message.id === messageId)?.parentId ?? null
      await run(id, { kind: 'waiting', question: null, parentId }, () =>
        client.chat.regenerate({ conversationId: id, messageId }),
      )
    },
    async stop(id) {
      await client.chat.stop({ conversationId: id })
    },
    async showBranch(id, messageId) {
      const conversation = await client.conversations.showBranch({ id, messageId })
      put(id, (entry) => ({ ...entry, conversation }))
    },
    async update(id, patch) {
      const before = entryOf(id).conversation
      put(id, (entry) => ({
        ...entry,
        saving: { kind: 'saving' },
        conversation: entry.conversation ? { ...entry.conversation, ...patch } : null,
      }))
      try {
        const { systemPrompt, presetId, parameters } = await client.conversations.update({ id, ...patch })
        put(id, (entry) => ({
          ...entry,
          saving: { kind: 'saved' },
          conversation: entry.conversation ? { ...entry.conversation, systemPrompt, presetId, parameters } : null,
        }))
      } catch (thrown) {
        put(id, (entry) => ({
          ...entry,
          saving: { kind: 'failed', error: toSwitchboardError(thrown) },
          conversation:
            entry.conversation && before
              ? {
                  ...entry.conversation,
                  systemPrompt: before.systemPrompt,
                  presetId: before.presetId,
                  parameters: before.parameters,
                }
              : entry.conversation,
        }))
      }
    },
    dismissError(id) {
      put(id, (entry) => ({ ...entry, turnError: null }))
    },
  }
}
