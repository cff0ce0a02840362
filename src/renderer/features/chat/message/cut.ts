import type { Message } from '../../../../shared/domain/conversation.ts'

/**
 * Index in the shown messages of the first one that the newest reply was written with; null where it was written with
 * all of them. Earlier replies do not count: the conversation may have got a larger context since.
 */
export function firstReadIndex(shown: readonly Message[]): number | null {
  const reply = shown.findLastIndex(({ receipt }) => receipt !== null)
  const dropped = shown[reply]?.receipt?.truncated?.droppedMessages ?? 0
  // The question itself is never left out.
  return dropped === 0 ? null : Math.max(1, Math.min(dropped, reply - 1))
}
