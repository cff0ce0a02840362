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
  return path.reverse()
}

/** Where a message stands among its versions: those with the same parent and role. */
export interface MessageVersions {
  /** From 1. */
  readonly number: number
  readonly count: number
  readonly previousId: string | null
  readonly nextId: string | null
}

/** The versions of each message that has more than one; takes time in proportion to the number of messages. */
export function versionsOf(messages: readonly Message[]): ReadonlyMap<string, MessageVersions> {
  const groups = Map.groupBy(messages, ({ parentId, role }) => `${role} ${parentId ?? ''}`)
  const versions = new Map<string, MessageVersions>()
  for (const group of groups.values()) {
    if (group.length < 2) continue
    for (const [index, { id }] of group.entries())
      versions.set(id, {
        number: index + 1,
        count: group.length,
        previousId: group[index - 1]?.id ?? null,
        nextId: group[index + 1]?.id ?? null,
      })
  }
  return versions
}
