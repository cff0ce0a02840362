/** A contiguous range of KV slots that one run covers. */
export interface Span {
  readonly first: number
  readonly count: number
}

/**
 * Covers the live slots with the runs that take least time together. A run reads every weight once whatever its number
 * of rows,
 * and computes a row for each idle slot in between: what is cheaper, one run over a gap or two runs, only the machine
 * can tell
 * (int4 on two cores without VNNI: a further row costs half a run; with it, a sixth). Neighbours are never parted: that
 * cannot be
 * cheaper, whatever measured times that jump about say. Pure.
 * @param slots ascending, distinct.
 * @param longest rows one run may have at most (1 where the memory cannot be viewed in parts).
 * @param cost of a run of this many rows, in any unit.
 */
export function coverSlots(slots: readonly number[], longest: number, cost: (rows: number) => number): Span[] {
  // best[n]: the cheapest cover of the first n live slots, and how many of them lie before its last run.
  const best: { cost: number; before: number }[] = [{ cost: 0, before: 0 }]
  for (const [index, last] of slots.entries()) {
    let cheapest = { cost: Number.POSITIVE_INFINITY, before: index }
    for (let before = index; before >= 0; before -= 1) {
      const rows = last - (slots[before] ?? last) + 1
      if (rows > longest) break
      const left = slots[before - 1]
      const parts = left !== undefined && left + 1 === slots[before] && last - left < longest
      if (parts) continue
      const sum = (best[before]?.cost ?? 0) + cost(rows)
      // Of covers that cost the same the one with fewer runs.
      if (sum <= cheapest.cost) cheapest = { cost: sum, before }
    }
    best.push(cheapest)
  }
  const spans: Span[] = []
  for (let end = slots.length; end > 0;) {
    const before = best[end]?.before ?? end - 1
    const first = slots[before] ?? 0
    spans.unshift({ first, count: (slots[end - 1] ?? first) - first + 1 })
    end = before
  }
  return spans
}
