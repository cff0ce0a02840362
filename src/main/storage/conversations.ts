import type {
  Conversation,
  ConversationSummary,
  Message,
  MessageState,
  ParameterOverrides,
} from '../../shared/domain/conversation.ts'
import type { Receipt } from '../../shared/domain/generation.ts'
import { type SerialisedError, SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import type { Database, Row } from './database.ts'
import { newId } from './new-id.ts'
import { excerptAround, indexText, matchExpression } from './search-text.ts'

export interface NewConversation {
  readonly model: string
  readonly presetId: string | null
  readonly systemPrompt: string
  readonly parameters: ParameterOverrides
}

export interface ConversationPatch {
  readonly title?: string | undefined
  readonly model?: string | undefined
  readonly presetId?: string | null | undefined
  readonly systemPrompt?: string | undefined
  readonly parameters?: ParameterOverrides | undefined
}

/** How a reply ended; everything but `streaming`. */
export type EndState = Exclude<MessageState, { kind: 'streaming' }>

/** Conversations with their trees of messages. Every method is one transaction, on the disk when it returns. */
export interface ConversationRepository {
  /** Most recently used first. A search looks through titles and all messages; its text is never query syntax. */
  list(query: { readonly search?: string | undefined; readonly limit: number }): readonly ConversationSummary[]
  /** @throws SwitchboardError conversation_not_found, also for a removed one. */
  get(id: string): Conversation
  create(values: NewConversation): Conversation
  update(id: string, patch: ConversationPatch): Conversation
  /** Shows the leaf reached from this message by its newest descendants. */
  showBranch(id: string, messageId: string): Conversation
  /** Hides it; {@link restore} undoes that until {@link purgeRemoved}. */
  remove(id: string): void
  restore(id: string): Conversation
  /** Deletes removed conversations for good, texts and index entries overwritten. Returns how many. */
  purgeRemoved(): number
  /** Messages from the first one down to this one. */
  thread(conversationId: string, leafId: string): readonly Message[]
  /** Adds a user message with an empty streaming reply under it. `parentId` undefined: under the shown leaf. */
  addQuestion(
    conversationId: string,
    text: string,
    parentId: string | null | undefined,
  ): { readonly question: Message; readonly reply: Message }
  /** Adds an empty streaming reply to the question that this message asks or answers. */
  addReply(conversationId: string, messageId: string): { readonly question: Message; readonly reply: Message }
  appendText(messageId: string, text: string): void
  /** Ends a streaming reply; `text` is what was not yet appended. */
  endReply(
    messageId: string,
    end: { readonly text: string; readonly state: EndState; readonly receipt: Receipt | null },
  ): Message
  /** Marks unfinished replies that nobody writes any more, of one conversation or of all. Returns how many. */
  interruptStreaming(error: SerialisedError, conversationId?: string): number
}

const liveConversation = 'SELECT * FROM conversations WHERE id = ? AND deleted_at IS NULL'

export function createConversationRepository(database: Database, now: () => number): ConversationRepository {
  const conversationRow = (id: string): Row => {
    const row = database.get(liveConversation, id)
    if (row === undefined) throw new SwitchboardError('conversation_not_found', `conversation ${id} does not exist`)
    return row
  }

  const messageRow = (conversationId: string, messageId: string): Row => {
    const row = database.get('SELECT * FROM messages WHERE id = ? AND conversation_id = ?', messageId, conversationId)
    if (row === undefined)
      throw new SwitchboardError('message_not_found', `conversation ${conversationId} has no message ${messageId}`)
    return row
  }

  const get = (id: string): Conversation =>
    toConversation(
      conversationRow(id),
      database.all('SELECT * FROM messages WHERE conversation_id = ? ORDER BY seq', id),
    )

  const touch = (id: string): void => {
    database.run(
      'UPDATE conversations SET updated_at = ?, touched = (SELECT coalesce(max(touched), 0) + 1 FROM conversations) WHERE id = ?',
      now(),
      id,
    )
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
      'INSERT INTO messages (id, conversation_id, parent_id, role, content, state, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)',
      id,
      conversationId,
      parentId,
      role,
      content,
      state,
      now(),
    )
    const row = messageRow(conversationId, id)
    if (content !== '') index(Number(row['seq']), content)
    return toMessage(row)
  }

  const insertReply = (conversationId: string, question: Message): Message => {
    const reply = insertMessage(conversationId, question.id, 'assistant', '', 'streaming')
    database.run('UPDATE conversations SET active_leaf_id = ? WHERE id = ?', reply.id, conversationId)
    touch(conversationId)
    return reply
  }

  return {
    list({ search, limit }) {
      if (search === undefined || search.trim() === '') {
        return database
          .all('SELECT * FROM conversations WHERE deleted_at IS NULL ORDER BY touched DESC LIMIT ?', limit)
          .map((row) => toSummary(row, null))
      }
      const expression = matchExpression(search)
      if (expression === null) return []
      const rows = database.all(
        `WITH hits AS MATERIALIZED (SELECT rowid AS hit FROM search_index WHERE search_index MATCH ?),
              found AS (
                SELECT m.conversation_id AS id, m.seq AS message_seq FROM hits JOIN messages m ON m.seq = hit
                UNION ALL
                SELECT c.id, NULL FROM hits JOIN conversations c ON c.seq = -hit
              ),
              best AS (SELECT id, max(message_seq) AS message_seq FROM found GROUP BY id)
         SELECT c.*, m.content AS matched
         FROM best JOIN conversations c ON c.id = best.id LEFT JOIN messages m ON m.seq = best.message_seq
         WHERE c.deleted_at IS NULL ORDER BY c.touched DESC LIMIT ?`,
        expression,
        limit,
      )
      return rows.map((row) =>
        toSummary(row, row['matched'] === null ? null : excerptAround(String(row['matched']), search)),
      )
    },

    get,

    create(values) {
      return database.transaction(() => {
        const id = newId()
        database.run(
          'INSERT INTO conversations (id, title, model, preset_id, system_prompt, parameters, created_at, updated_at, touched) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0)',
          id,
          '',
          values.model,
          values.presetId,
          values.systemPrompt.toWellFormed(),
          JSON.stringify(values.parameters),
          now(),
          now(),
        )
        touch(id)
        return get(id)
      })
    },

    update(id, patch) {
      return database.transaction(() => {
        const row = conversationRow(id)
        if (patch.title !== undefined) setTitle(id, Number(row['seq']), patch.title.toWellFormed())
        if (patch.model !== undefined) database.run('UPDATE conversations SET model = ? WHERE id = ?', patch.model, id)
        if (patch.presetId !== undefined)
          database.run('UPDATE conversations SET preset_id = ? WHERE id = ?', patch.presetId, id)
        if (patch.systemPrompt !== undefined)
          database.run('UPDATE conversations SET system_prompt = ? WHERE id = ?', patch.systemPrompt.toWellFormed(), id)
        if (patch.parameters !== undefined)
          database.run('UPDATE conversations SET parameters = ? WHERE id = ?', JSON.stringify(patch.parameters), id)
        return get(id)
      })
    },

    showBranch(id, messageId) {
      return database.transaction(() => {
        conversationRow(id)
        let leaf = String(messageRow(id, messageId)['id'])
        for (;;) {
          const child = database.get('SELECT id FROM messages WHERE parent_id = ? ORDER BY seq DESC LIMIT 1', leaf)
          if (child === undefined) break
          leaf = String(child['id'])
        }
        database.run('UPDATE conversations SET active_leaf_id = ? WHERE id = ?', leaf, id)
        return get(id)
      })
    },

    remove(id) {
      database.transaction(() => {
        conversationRow(id)
        database.run('UPDATE conversations SET deleted_at = ? WHERE id = ?', now(), id)
      })
    },

    restore(id) {
      return database.transaction(() => {
        database.run('UPDATE conversations SET deleted_at = NULL WHERE id = ?', id)
        return get(id)
      })
    },

    purgeRemoved() {
      return database.transaction(() => {
        const removed = 'SELECT id FROM conversations WHERE deleted_at IS NOT NULL'
        database.run(
          `DELETE FROM search_index WHERE rowid IN (SELECT seq FROM messages WHERE conversation_id IN (${removed}))`,
        )
        database.run(
          'DELETE FROM search_index WHERE rowid IN (SELECT -seq FROM conversations WHERE deleted_at IS NOT NULL)',
        )
        database.run(`DELETE FROM messages WHERE conversation_id IN (${removed})`)
        return database.run('DELETE FROM conversations WHERE deleted_at IS NOT NULL')
      })
    },

    thread(conversationId, leafId) {
      const rows = database.all(
        `WITH RECURSIVE up (id, depth) AS (
           SELECT id, 0 FROM messages WHERE id = ? AND conversation_id = ?
           UNION ALL SELECT m.parent_id, depth + 1 FROM up JOIN messages m ON m.id = up.id WHERE m.parent_id IS NOT NULL
         ) SELECT messages.* FROM up JOIN messages ON messages.id = up.id ORDER BY depth DESC`,
        leafId,
        conversationId,
      )
      return rows.map(toMessage)
    },

    addQuestion(conversationId, text, parentId) {
      return database.transaction(() => {
        const conversation = conversationRow(conversationId)
        const parent = parentId === undefined ? textOrNull(conversation['active_leaf_id']) : parentId
        if (parent !== null && messageRow(conversationId, parent)['role'] !== 'assistant') {
          throw new SwitchboardError(
            'invalid_request',
            `message ${parent} is a question; a question can only follow a reply`,
            { param: 'parentId' },
          )
        }
        const content = text.toWellFormed()
        const question = insertMessage(conversationId, parent, 'user', content, 'complete')
        if (conversation['title'] === '') setTitle(conversationId, Number(conversation['seq']), titleFrom(content))
        return { question, reply: insertReply(conversationId, question) }
      })
    },

    addReply(conversationId, messageId) {
      return database.transaction(() => {
        conversationRow(conversationId)
        const message = toMessage(messageRow(conversationId, messageId))
        const question =
          message.role === 'user' ? message : toMessage(messageRow(conversationId, message.parentId ?? ''))
        return { question, reply: insertReply(conversationId, question) }
      })
    },

    appendText(messageId, text) {
      const changed = database.run(
        "UPDATE messages SET content = content || ? WHERE id = ? AND state = 'streaming'",
        text,
        messageId,
      )
      if (changed === 0) throw new SwitchboardError('message_not_found', `message ${messageId} is not being written`)
    },

    endReply(messageId, { text, state, receipt }) {
      return database.transaction(() => {
        const error = state.kind === 'interrupted' ? JSON.stringify(state.error) : null
        database.run(
          "UPDATE messages SET content = content || ?, state = ?, error = ?, receipt = ? WHERE id = ? AND state = 'streaming'",
          text,
          state.kind,
          error,
          receipt === null ? null : JSON.stringify(receipt),
          messageId,
        )
        const row = database.get('SELECT * FROM messages WHERE id = ?', messageId)
        if (row === undefined) throw new SwitchboardError('message_not_found', `message ${messageId} does not exist`)
        index(Number(row['seq']), String(row['content']))
        touch(String(row['conversation_id']))
        return toMessage(row)
      })
    },

    interruptStreaming(error, conversationId) {
      return database.transaction(() => {
        const rows = database.all(
          "SELECT seq, content FROM messages WHERE state = 'streaming' AND conversation_id = coalesce(?, conversation_id)",
          conversationId ?? null,
        )
        for (const row of rows) {
          database.run(
            "UPDATE messages SET state = 'interrupted', error = ? WHERE seq = ?",
            JSON.stringify(error),
            Number(row['seq']),
          )
          index(Number(row['seq']), String(row['content']))
        }
        return rows.length
      })
    },
  }
}

/** The first line of a question, at most 60 characters, as the title of its conversation. */
export function titleFrom(question: string): string {
  const line =
    question
      .trim()
      .split(/[\r\n]/u, 1)[0]
      ?.replace(/\s+/gu, ' ')
      .trim() ?? ''
  const characters = [...line]
  return characters.length <= 60 ? line : `${characters.slice(0, 59).join('').trimEnd()}…`
}

function toSummary(row: Row, excerpt: string | null): ConversationSummary {
  return {
    id: String(row['id']),
    title: String(row['title']),
    model: String(row['model']),
    createdAt: Number(row['created_at']),
    updatedAt: Number(row['updated_at']),
    excerpt,
  }
}

function toConversation(row: Row, messages: readonly Row[]): Conversation {
  const { excerpt: _none, ...summary } = toSummary(row, null)
  return {
    ...summary,
    systemPrompt: String(row['system_prompt']),
    presetId: textOrNull(row['preset_id']),
    parameters: JSON.parse(String(row['parameters'])) as ParameterOverrides,
    activeLeafId: textOrNull(row['active_leaf_id']),
    messages: messages.map(toMessage),
  }
}

function toMessage(row: Row): Message {
  const receipt = textOrNull(row['receipt'])
  return {
    id: String(row['id']),
    conversationId: String(row['conversation_id']),
    parentId: textOrNull(row['parent_id']),
    role: row['role'] as Message['role'],
    content: String(row['content']),
    state: toState(row),
    receipt: receipt === null ? null : (JSON.parse(receipt) as Receipt),
    createdAt: Number(row['created_at']),
  }
}

function toState(row: Row): MessageState {
  const kind = row['state'] as MessageState['kind']
  return kind === 'interrupted' ? { kind, error: JSON.parse(String(row['error'])) as SerialisedError } : { kind }
}

function textOrNull(value: Row[string] | undefined): string | null {
  return value === null || value === undefined ? null : String(value)
}
