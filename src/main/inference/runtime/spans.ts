/** A contiguous range of KV slots that one run covers. */
export interface Span {
  readonly first: number
  readonly count: number
}

/**
 * A run reads every weight once whatever its number of rows, which costs as much as several rows: measured on CPU and int4, a
 * step of 4 rows takes 1.6 times a step of 1. So a gap of up to this many idle slots is cheaper to compute than to split.
 */
const WORTHWHILE_GAP = 4

/**
 * Covers the live slots with as few and as small runs as pays off. Pure.
 * @param slots ascending, distinct.
 * @param longest rows one run may have at most (1 where the memory cannot be viewed in parts).
 */
export function coverSlots(slots: readonly number[], longest: number): Span[] {
  const spans: { first: number; count: number }[] = []
  for (const slot of slots) {
    const last = spans.at(-1)
    const extended = last === undefined ? 0 : slot - last.first + 1
    const gap = last === undefined ? 0 : slot - (last.first + last.count)
    if (last !== undefined && extended <= longest && gap <= WORTHWHILE_GAP) last.count = extended
    else spans.push({ first: slot, count: 1 })
  }
  return spans
}
