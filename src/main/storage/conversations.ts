import type { Conversation, Message } from '../../shared/domain/conversation.ts'
import { type SerialisedError, SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import { conversationRow, getConversation, messageRow, toBareConversation, toMessage } from './conversation-rows.ts'
import { listConversations } from './conversation-search.ts'
import { titleFrom } from './conversation-title.ts'
import { type Row, textOrNull } from './database.ts'
import { newId } from './new-id.ts'
import type { BegunTurn, ConversationRepository } from './repositories.ts'
import { indexText } from './search-text.ts'
import type { Store, StoreContext } from './store.ts'

/** How long a removed conversation can be restored. */
const KEEP_REMOVED_MS = 30 * 24 * 60 * 60 * 1000

export interface ConversationStore extends Store<ConversationRepository> {
  /** Deletes what was removed over 30 days ago. Returns how many conversations. */
  purgeRemoved(): number
}

export function createConversationStore({ database, now, changed }: StoreContext): ConversationStore {
  const get = (id: string): Conversation => getConversation(database, id)
  const announce = (id: string | null): void => changed({ kind: 'conversations', id })

  const touch = (id: string): void => {
    database.run(
      `UPDATE conversations
       SET updated_at = ?, touched = (SELECT coalesce(max(touched), 0) + 1 FROM conversations) WHERE id = ?`,
      now(),
      id,
    )
    announce(id)
  }

  const index = (rowid: number, text: string): void => {
    database.run('DELETE FROM search_index WHERE rowid = ?', rowid)
    const body = indexText(text)
    if (body.trim() !== '') database.run('INSERT INTO search_index (rowid, body) VALUES (?, ?)', rowid, body)
  }

  const setTitle = (id: string, seq: number, title: string): void => {
    database.run('UPDATE conversations SET title = ? WHERE id = ?', title, id)
    index(-seq, title)
  }

  const insertMessage = (
    conversationId: string,
    parentId: string | null,
    role: Message['role'],
    content: string,
    state: 'complete' | 'streaming',
  ): Message => {
    const id = newId()
    database.run(
      `INSERT INTO messages (id, conversation_id, parent_id, role, content, state, created_at)
       VALUES (?, ?, ?, ?, ?, ?, ?)`,
      id,
      conversationId,
      parentId,
      role,
      content,
      state,
      now(),
    )
    const row = messageRow(database, conversationId, id)
    if (content !== '') index(Number(row['seq']), content)
    return toMessage(row)
  }

  /** Messages from the first one down to this one. */
  const thread = (conversationId: string, leafId: string): readonly Message[] => {
    const rows = database.all(
      `WITH RECURSIVE up (id, depth) AS (
         SELECT id, 0 FROM messages WHERE id = ? AND conversation_id = ?
         UNION ALL SELECT m.parent_id, depth + 1 FROM up JOIN messages m ON m.id = up.id WHERE m.parent_id IS NOT NULL
       ) SELECT messages.* FROM up JOIN messages ON messages.id = up.id ORDER BY depth DESC`,
      leafId,
      conversationId,
    )
    return rows.map(toMessage)
  }

  const interrupt = (rows: readonly Row[], error: SerialisedError): void => {
    for (const row of rows) {
      database.run(
        "UPDATE messages SET state = 'interrupted', error = ? WHERE seq = ?",
        JSON.stringify(error),
        Number(row['seq']),
      )
      index(Number(row['seq']), String(row['content']))
    }
  }

  /** The end of a reply that nobody writes any more could not be stored, for example on a full disk. */
  const interruptLost = (conversationId: string): void => {
    const rows = database.all(
      "SELECT seq, content FROM messages WHERE conversation_id = ? AND state = 'streaming'",
      conversationId,
    )
    interrupt(rows, { code: 'storage_failed', message: 'the end of this reply could not be stored' })
  }

  /** Adds an empty streaming reply to the question, shows it, and reads what the turn needs. */
  const begin = (question: Message): BegunTurn => {
    const { conversationId } = question
    const reply = insertMessage(conversationId, question.id, 'assistant', '', 'streaming')
    database.run('UPDATE conversations SET active_leaf_id = ? WHERE id = ?', reply.id, conversationId)
    touch(conversationId)
    return begun(question, reply)
  }

  const begun = (question: Message, reply: Message): BegunTurn => ({
    question,
    reply,
    conversation: toBareConversation(conversationRow(database, question.conversationId)),
    thread: thread(question.conversationId, question.id),
  })

  const questionOf = (conversationId: string, message: Message): Message =>
    message.role === 'user' ? message : toMessage(messageRow(database, conversationId, message.parentId ?? ''))

  return {
    list: (query) => listConversations(database, query),

    get,

    create({ assistantId, model, systemPrompt, parameters }) {
      const id = newId()
      database.run(
        `INSERT INTO conversations
           (id, title, model, assistant_id, system_prompt, parameters, created_at, updated_at, touched)
         VALUES (?, '', ?, ?, ?, ?, ?, ?, 0)`,
        id,
        model,
        assistantId,
        systemPrompt.toWellFormed(),
        JSON.stringify(parameters),
        now(),
        now(),
      )
      touch(id)
      return get(id)
    },

    update(id, { title, model, assistantId, systemPrompt, parameters }) {
      const row = conversationRow(database, id)
      if (title !== undefined) setTitle(id, Number(row['seq']), title.toWellFormed())
      database.run(
        'UPDATE conversations SET model = ?, assistant_id = ?, system_prompt = ?, parameters = ? WHERE id = ?',
        model === undefined ? textOrNull(row['model']) : model,
        assistantId === undefined ? textOrNull(row['assistant_id']) : assistantId,
        systemPrompt?.toWellFormed() ?? String(row['system_prompt']),
        parameters === undefined ? String(row['parameters']) : JSON.stringify(parameters),
        id,
      )
      announce(id)
      return get(id)
    },

    showBranch(id, messageId) {
      conversationRow(database, id)
      let leaf = String(messageRow(database, id, messageId)['id'])
      for (;;) {
        const child = database.get('SELECT id FROM messages WHERE parent_id = ? ORDER BY seq DESC LIMIT 1', leaf)
        if (child === undefined) break
        leaf = String(child['id'])
      }
      database.run('UPDATE conversations SET active_leaf_id = ? WHERE id = ?', leaf, id)
      announce(id)
      return get(id)
    },

    remove(id) {
      conversationRow(database, id)
      database.run('UPDATE conversations SET deleted_at = ? WHERE id = ?', now(), id)
      announce(id)
    },

    restore(id) {
      if (database.run('UPDATE conversations SET deleted_at = NULL WHERE id = ?', id) > 0) announce(id)
      return get(id)
    },

    path(conversationId, messageId) {
      const row = conversationRow(database, conversationId)
      const leaf = messageId === undefined ? textOrNull(row['active_leaf_id']) : messageId
      if (leaf !== null) messageRow(database, conversationId, leaf)
      return { conversation: toBareConversation(row), thread: leaf === null ? [] : thread(conversationId, leaf) }
    },

    beginQuestion(conversationId, text, parentId) {
      const conversation = conversationRow(database, conversationId)
      interruptLost(conversationId)
      const parent = parentId === undefined ? textOrNull(conversation['active_leaf_id']) : parentId
      if (parent !== null && messageRow(database, conversationId, parent)['role'] !== 'assistant') {
        throw new SwitchboardError(
          'invalid_request',
          `message ${parent} is a question; a question can only follow a reply`,
          { param: 'parentId' },
        )
      }
      const content = text.toWellFormed()
      const question = insertMessage(conversationId, parent, 'user', content, 'complete')
      if (conversation['title'] === '') setTitle(conversationId, Number(conversation['seq']), titleFrom(content))
      return begin(question)
    },

    beginReply(conversationId, messageId) {
      conversationRow(database, conversationId)
      interruptLost(conversationId)
      return begin(questionOf(conversationId, toMessage(messageRow(database, conversationId, messageId))))
    },

    beginContinuation(conversationId, messageId) {
      conversationRow(database, conversationId)
      interruptLost(conversationId)
      const cutOff = toMessage(messageRow(database, conversationId, messageId))
      if (!canContinue(cutOff)) {
        throw new SwitchboardError('invalid_request', `message ${messageId} is no reply that was cut off`, {
          param: 'messageId',
        })
      }
      database.run("UPDATE messages SET state = 'streaming', error = NULL WHERE id = ?", messageId)
      touch(conversationId)
      const reply = toMessage(messageRow(database, conversationId, messageId))
      return begun(questionOf(conversationId, reply), reply)
    },

    appendText(messageId, text) {
      const appended = database.run(
        "UPDATE messages SET content = content || ? WHERE id = ? AND state = 'streaming'",
        text,
        messageId,
      )
      if (appended === 0) throw new SwitchboardError('message_not_found', `message ${messageId} is not being written`)
    },

    endReply(messageId, { text, state, receipt }) {
      database.run(
        `UPDATE messages SET content = content || ?, state = ?, error = ?, receipt = coalesce(?, receipt)
         WHERE id = ? AND state = 'streaming'`,
        text,
        state.kind,
        state.kind === 'interrupted' ? JSON.stringify(state.error) : null,
        receipt === null ? null : JSON.stringify(receipt),
        messageId,
      )
      const row = database.get('SELECT * FROM messages WHERE id = ?', messageId)
      if (row === undefined) throw new SwitchboardError('message_not_found', `message ${messageId} does not exist`)
      index(Number(row['seq']), String(row['content']))
      touch(String(row['conversation_id']))
      return toMessage(row)
    },

    interruptStreaming(error) {
      const rows = database.all("SELECT seq, content FROM messages WHERE state = 'streaming'")
      interrupt(rows, error)
      if (rows.length > 0) announce(null)
      return rows.length
    },

    purgeRemoved() {
      const before = now() - KEEP_REMOVED_MS
      const removed = 'SELECT id FROM conversations WHERE deleted_at <= ?'
      database.run(
        `DELETE FROM search_index WHERE rowid IN (SELECT seq FROM messages WHERE conversation_id IN (${removed}))`,
        before,
      )
      database.run(
        'DELETE FROM search_index WHERE rowid IN (SELECT -seq FROM conversations WHERE deleted_at <= ?)',
        before,
      )
      database.run(`DELETE FROM messages WHERE conversation_id IN (${removed})`, before)
      return database.run('DELETE FROM conversations WHERE deleted_at <= ?', before)
    },
  }
}

/** A reply was cut off when it was stopped, interrupted or ended at its token limit. */
function canContinue({ role, state, receipt }: Message): boolean {
  if (role !== 'assistant' || state.kind === 'streaming') return false
  return state.kind !== 'complete' || receipt?.finishReason === 'length'
}
