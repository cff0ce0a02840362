import type { Message } from '../../shared/domain/conversation.ts'

/** The shown messages, first to last: from the leaf up its parents. A leaf that does not exist shows nothing. */
export function shownPath(messages: readonly Message[], leafId: string | null): readonly Message[] {
  const byId = new Map(messages.map((message) => [message.id, message]))
  const path: Message[] = []
  const seen = new Set<string>()
  let message = leafId === null ? undefined : byId.get(leafId)
  while (message && !seen.has(message.id)) {
    seen.add(message.id)
    path.push(message)
    message = message.parentId === null ? undefined : byId.get(message.parentId)
  }
  return path.toReversed()
}

export interface Siblings {
  /** Ids of all versions of this message, oldest first. */
  readonly ids: readonly string[]
  /** Place of the message among them, from 0. */
  readonly index: number
}

/** All versions of one message: those with the same parent and role. */
export function siblingsOf(messages: readonly Message[], message: Message): Siblings {
  const ids = messages
    .filter((other) => other.parentId === message.parentId && other.role === message.role)
    .map((other) => other.id)
  return { ids, index: ids.indexOf(message.id) }
}
