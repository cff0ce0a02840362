/**
 * Groups decoding slots into contiguous spans; one run covers one span. Slots are joined over a gap of one idle slot:
 * a run reads every weight once whatever its number of rows, so computing one idle row is cheaper than a second run.
 * @param slots ascending, distinct.
 * @param maxSpan rows of one run; 1 where the KV memory cannot be viewed in parts.
 * @returns first slot and number of slots of each span, ascending.
 */
export function coverSlots(
  slots: readonly number[],
  maxSpan: number,
): { readonly first: number; readonly count: number }[] {
  const spans: { first: number; count: number }[] = []
  for (const slot of slots) {
    const span = spans.at(-1)
    const isNear = span !== undefined && slot <= span.first + span.count + 1 && slot < span.first + maxSpan
    if (isNear) span.count = slot - span.first + 1
    else spans.push({ first: slot, count: 1 })
  }
  return spans
}
