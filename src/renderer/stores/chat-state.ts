import type { Conversation, Message, TurnEvent } from '../../shared/domain/conversation.ts'
import { shownPath } from '../lib/branches.ts'
import type { Saving } from '../lib/saving.ts'
import type { SwitchboardError } from '../../shared/errors/switchboard-error.ts'

/** A reply on its way. `waiting`: asked, nothing came yet; `writing`: the reply exists and grows. */
export type Turn =
  | { readonly kind: 'waiting'; readonly question: string | null; readonly parentId: string | null }
  | { readonly kind: 'writing'; readonly messageId: string; readonly text: string }

/** One conversation as the window holds it. */
export interface ChatEntry {
  readonly conversation: Conversation | null
  readonly loading: boolean
  readonly loadError: SwitchboardError | null
  readonly turn: Turn | null
  /** Why the last question was not taken; the text went back to the composer. */
  readonly turnError: SwitchboardError | null
  readonly saving: Saving
}

export const emptyEntry: ChatEntry = {
  conversation: null,
  loading: false,
  loadError: null,
  turn: null,
  turnError: null,
  saving: { kind: 'idle' },
}

function put(messages: readonly Message[], message: Message): readonly Message[] {
  return messages.some((other) => other.id === message.id)
    ? messages.map((other) => (other.id === message.id ? message : other))
    : [...messages, message]
}

/** The entry after an event of its turn. Deltas come through {@link withText}, batched by frame. */
export function afterEvent(entry: ChatEntry, event: Exclude<TurnEvent, { kind: 'delta' }>): ChatEntry {
  const { conversation } = entry
  if (!conversation) return entry
  if (event.kind === 'started') {
    return {
      ...entry,
      turn: { kind: 'writing', messageId: event.reply.id, text: event.reply.content },
      conversation: {
        ...conversation,
        title: event.title,
        activeLeafId: event.reply.id,
        updatedAt: event.reply.createdAt,
        messages: put(put(conversation.messages, event.userMessage), event.reply),
      },
    }
  }
  return {
    ...entry,
    turn: null,
    conversation: { ...conversation, messages: put(conversation.messages, event.message) },
  }
}

/** Whether the message can be drawn: what it hangs under is held. */
export function hasParentOf(conversation: Conversation | null, message: Message): boolean {
  return (
    conversation !== null &&
    (message.parentId === null || conversation.messages.some(({ id }) => id === message.parentId))
  )
}

/**
 * The entry with a fetched conversation. While a reply is being written, the messages of the stream are newer than the
 * fetched ones and stay; the other fields are taken.
 */
export function withFetched(entry: ChatEntry, fetched: Conversation): ChatEntry {
  if (!entry.turn || !entry.conversation) return { ...entry, conversation: fetched }
  const { messages, activeLeafId, updatedAt } = entry.conversation
  return { ...entry, conversation: { ...fetched, messages, activeLeafId, updatedAt } }
}

/** The entry with text added to the reply being written. */
export function withText(entry: ChatEntry, text: string): ChatEntry {
  return entry.turn?.kind === 'writing' ? { ...entry, turn: { ...entry.turn, text: entry.turn.text + text } } : entry
}

/**
 * The entry after its stream broke. A reply that was being written stays, marked interrupted; before that, the error is
 * about the question.
 */
export function afterFailure(entry: ChatEntry, error: SwitchboardError): ChatEntry {
  const { turn, conversation } = entry
  if (turn?.kind !== 'writing' || !conversation) return { ...entry, turn: null, turnError: error }
  const messages = conversation.messages.map((message): Message =>
    message.id === turn.messageId
      ? {
          ...message,
          content: turn.text,
          state: { kind: 'interrupted', error: { code: error.code, message: error.message } },
        }
      : message,
  )
  return { ...entry, turn: null, conversation: { ...conversation, messages } }
}

/** The messages to show, first to last; while a question waits to be taken, up to where it will hang. */
export function shownMessages(entry: ChatEntry): readonly Message[] {
  if (!entry.conversation) return []
  const { messages, activeLeafId } = entry.conversation
  return shownPath(messages, entry.turn?.kind === 'waiting' ? entry.turn.parentId : activeLeafId)
}
