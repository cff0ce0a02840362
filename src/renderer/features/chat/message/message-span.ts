/** The drawn part of a conversation: indices of messages. `to` null follows the newest one. */
export interface MessageSpan {
  readonly from: number
  /** Excluded. */
  readonly to: number | null
}

/** Messages of the first picture: more than a screen holds. */
const FIRST = 24
/** Messages drawn with one more step. */
const STEP = 16
/** More messages than this are never drawn at once, so that each step costs the same. */
const MAX_DRAWN = 96

export function newestSpan(count: number): MessageSpan {
  return { from: Math.max(0, count - FIRST), to: null }
}

export function oldestSpan(count: number): MessageSpan {
  return { from: 0, to: upTo(FIRST, count) }
}

/** The messages around one of them. */
export function spanAround(index: number, count: number): MessageSpan {
  const from = Math.max(0, Math.min(index - FIRST / 2, count - FIRST))
  return { from, to: upTo(from + FIRST, count) }
}

/** The span with earlier messages; the newest ones are left out where it gets too long. */
export function withEarlier({ from, to }: MessageSpan, count: number): MessageSpan {
  const earlier = Math.max(0, from - STEP)
  return { from: earlier, to: upTo(Math.min(to ?? count, earlier + MAX_DRAWN), count) }
}

/** The span with later messages; the earliest ones are left out where it gets too long. */
export function withLater({ from, to }: MessageSpan, count: number): MessageSpan {
  if (to === null) return { from, to }
  const later = upTo(to + STEP, count)
  return { from: Math.max(from, (later ?? count) - MAX_DRAWN), to: later }
}

function upTo(to: number, count: number): number | null {
  return to >= count ? null : to
}
