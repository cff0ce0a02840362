import type { ConversationSummary } from '../../shared/domain/conversation.ts'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import { toSummary } from './conversation-rows.ts'
import type { Database, Row } from './database.ts'
import type { List, ListQuery } from './repositories.ts'
import { excerptAround, matchExpression, MAX_EXCERPT_SOURCE } from './search-text.ts'

/** One page of conversations, most recently used first. The cursor is the `touched` of the last one on the page. */
export function listConversations(
  database: Database,
  { search = '', cursor, limit }: ListQuery,
): List<ConversationSummary> {
  const below = cursor === undefined ? Number.MAX_SAFE_INTEGER : Number(cursor)
  if (!Number.isSafeInteger(below))
    throw new SwitchboardError('invalid_request', 'the cursor is not from this list', { param: 'cursor' })
  // One row more than asked for tells whether there is another page.
  const rows = search.trim() === '' ? recent(database, below, limit + 1) : matching(database, search, below, limit + 1)
  const items = rows.slice(0, limit)
  return {
    items: items.map((row) => ({ ...toSummary(row), ...toMatch(row, search) })),
    nextCursor: rows.length > limit ? String(items.at(-1)?.['touched']) : null,
  }
}

function recent(database: Database, below: number, limit: number): Row[] {
  return database.all(
    `SELECT *, NULL AS matched, NULL AS matched_id FROM conversations
     WHERE deleted_at IS NULL AND touched < ? ORDER BY touched DESC LIMIT ?`,
    below,
    limit,
  )
}

/** The newest message that matches counts; a title only where no message does. */
function matching(database: Database, search: string, below: number, limit: number): Row[] {
  const expression = matchExpression(search)
  if (expression === null) return []
  return database.all(
    `WITH hits AS MATERIALIZED (SELECT rowid AS hit FROM search_index WHERE search_index MATCH ?),
          found AS (
            SELECT m.conversation_id AS id, m.seq AS message_seq FROM hits JOIN messages m ON m.seq = hit
            UNION ALL
            SELECT c.id, NULL FROM hits JOIN conversations c ON c.seq = -hit
          ),
          best AS (SELECT id, max(message_seq) AS message_seq FROM found GROUP BY id)
     SELECT c.*, substr(m.content, 1, ?) AS matched, m.id AS matched_id
     FROM best JOIN conversations c ON c.id = best.id LEFT JOIN messages m ON m.seq = best.message_seq
     WHERE c.deleted_at IS NULL AND c.touched < ? ORDER BY c.touched DESC LIMIT ?`,
    expression,
    MAX_EXCERPT_SOURCE,
    below,
    limit,
  )
}

function toMatch(row: Row, search: string): Pick<ConversationSummary, 'excerpt' | 'matchedMessageId'> {
  const { matched, matched_id: messageId } = row
  return matched === null || matched === undefined
    ? { excerpt: null, matchedMessageId: null }
    : { excerpt: excerptAround(String(matched), search), matchedMessageId: String(messageId) }
}
