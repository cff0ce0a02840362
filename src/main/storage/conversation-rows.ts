import type {
  Conversation,
  ConversationSummary,
  Message,
  MessageState,
  ParameterOverrides,
} from '../../shared/domain/conversation.ts'
import type { Receipt } from '../../shared/domain/generation.ts'
import { type SerialisedError, SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import { type Database, type Row, textOrNull } from './database.ts'

/** @throws SwitchboardError conversation_not_found, also for a removed one. */
export function conversationRow(database: Database, id: string): Row {
  const row = database.get('SELECT * FROM conversations WHERE id = ? AND deleted_at IS NULL', id)
  if (row === undefined) throw new SwitchboardError('conversation_not_found', `conversation ${id} does not exist`)
  return row
}

/** @throws SwitchboardError message_not_found */
export function messageRow(database: Database, conversationId: string, messageId: string): Row {
  const row = database.get('SELECT * FROM messages WHERE id = ? AND conversation_id = ?', messageId, conversationId)
  if (row === undefined)
    throw new SwitchboardError('message_not_found', `conversation ${conversationId} has no message ${messageId}`)
  return row
}

/** @throws SwitchboardError conversation_not_found, also for a removed one. */
export function getConversation(database: Database, id: string): Conversation {
  const row = conversationRow(database, id)
  const messages = database.all('SELECT * FROM messages WHERE conversation_id = ? ORDER BY seq', id)
  return { ...toBareConversation(row), messages: messages.map(toMessage) }
}

export function toSummary(row: Row): Omit<ConversationSummary, 'excerpt' | 'matchedMessageId'> {
  return {
    id: String(row['id']),
    title: String(row['title']),
    assistantId: textOrNull(row['assistant_id']),
    createdAt: Number(row['created_at']),
    updatedAt: Number(row['updated_at']),
  }
}

export function toBareConversation(row: Row): Omit<Conversation, 'messages'> {
  return {
    ...toSummary(row),
    model: textOrNull(row['model']),
    systemPrompt: String(row['system_prompt']),
    parameters: JSON.parse(String(row['parameters'])) as ParameterOverrides,
    activeLeafId: textOrNull(row['active_leaf_id']),
  }
}

export function toMessage(row: Row): Message {
  const state = toState(row)
  const receipt = textOrNull(row['receipt'])
  return {
    id: String(row['id']),
    conversationId: String(row['conversation_id']),
    parentId: textOrNull(row['parent_id']),
    role: row['role'] as Message['role'],
    content: String(row['content']),
    state,
    // A continued reply keeps the receipt of its first part until it has its own.
    receipt: receipt === null || state.kind === 'streaming' ? null : (JSON.parse(receipt) as Receipt),
    createdAt: Number(row['created_at']),
  }
}

function toState(row: Row): MessageState {
  const kind = row['state'] as MessageState['kind']
  return kind === 'interrupted' ? { kind, error: JSON.parse(String(row['error'])) as SerialisedError } : { kind }
}
