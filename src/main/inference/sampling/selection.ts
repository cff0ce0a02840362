/**
 * Candidates in two parallel arrays, in the order of their ids. "Better" means a higher value, and the lower index
 * among equal values, so that every selection below is one definite set.
 */
export interface Candidates {
  readonly values: Float64Array
  /** Used part of `values`. */
  readonly count: number
}

function better(values: Float64Array, a: number, b: number): boolean {
  const left = values[a] ?? 0
  const right = values[b] ?? 0
  return left > right || (left === right && a < b)
}

/**
 * Index of the k-th best candidate, without sorting: a heap of the k best so far, with the worst of them at its root.
 * @param heap scratch of at least k entries; afterwards the indices of the k best, in no order.
 */
export function kthBest({ values, count }: Candidates, k: number, heap: Int32Array): number {
  const sink = (from: number, size: number): void => {
    let parent = from
    const moved = heap[parent] ?? 0
    for (;;) {
      let child = 2 * parent + 1
      if (child >= size) break
      if (child + 1 < size && better(values, heap[child] ?? 0, heap[child + 1] ?? 0)) child += 1
      if (better(values, heap[child] ?? 0, moved)) break
      heap[parent] = heap[child] ?? 0
      parent = child
    }
    heap[parent] = moved
  }
  const size = Math.min(k, count)
  for (let index = 0; index < size; index += 1) heap[index] = index
  for (let parent = (size >> 1) - 1; parent >= 0; parent -= 1) sink(parent, size)
  for (let index = size; index < count; index += 1) {
    if (!better(values, index, heap[0] ?? 0)) continue
    heap[0] = index
    sink(0, size)
  }
  return heap[0] ?? 0
}

/**
 * The k-th highest of many values: a heap of the k highest so far, with the lowest of them at its root. Most values of
 * a vocabulary never enter it.
 * @param heap scratch of at least k entries.
 */
export function kthHighest(logits: Float32Array, k: number, heap: Float64Array): number {
  const { length } = logits
  const size = Math.min(k, length)
  const sink = (from: number): void => {
    let parent = from
    const moved = heap[parent] as number
    for (let child = 2 * parent + 1; child < size; child = 2 * parent + 1) {
      if (child + 1 < size && (heap[child + 1] as number) < (heap[child] as number)) child += 1
      if ((heap[child] as number) >= moved) break
      heap[parent] = heap[child] as number
      parent = child
    }
    heap[parent] = moved
  }
  for (let index = 0; index < size; index += 1) heap[index] = logits[index] as number
  for (let parent = (size >> 1) - 1; parent >= 0; parent -= 1) sink(parent)
  let lowest = heap[0] as number
  for (let index = size; index < length; index += 1) {
    const logit = logits[index] as number
    if (logit <= lowest) continue
    heap[0] = logit
    sink(0)
    lowest = heap[0]
  }
  return lowest
}

/**
 * Index of the last candidate of the smallest best-first set whose weights reach `mass`: a quickselect that follows the
 * weight instead of the rank, linear on average.
 * @param weights one per candidate, growing with its value, the best one's 1.
 * @param order scratch of at least `count` entries.
 */
export function nucleusEnd(
  { values, count }: Candidates,
  weights: Float64Array,
  mass: number,
  order: Int32Array,
): number {
  let low = 0
  let high = leaders(weights, count, mass, order)
  let need = mass
  let worst = 0
  while (high > low) {
    const middle = (low + high) >> 1
    const pivot = medianOfThree(values, order[low] ?? 0, order[middle] ?? 0, order[high - 1] ?? 0)
    let store = low
    let sum = 0
    let pivotAt = -1
    for (let at = low; at < high; at += 1) {
      const index = order[at] ?? 0
      if (index === pivot) pivotAt = at
      else if (better(values, index, pivot)) {
        order[at] = order[store] ?? 0
        order[store] = index
        if (pivotAt === store) pivotAt = at
        sum += weights[index] ?? 0
        store += 1
      }
    }
    order[pivotAt] = order[store] ?? 0
    order[store] = pivot
    if (need <= sum) {
      high = store
      continue
    }
    worst = pivot
    need -= sum + (weights[pivot] ?? 0)
    if (need <= 0) return pivot
    low = store + 1
  }
  // Rounding can leave a remainder after the last candidate: then all are kept.
  return worst
}

/**
 * Puts into `order` the candidates above a small fraction of the best weight if they reach `mass` together, else all;
 * returns their number. Most of a vocabulary has negligible weight.
 */
function leaders(weights: Float64Array, count: number, mass: number, order: Int32Array): number {
  for (const least of [1e-2, 1e-4, 0]) {
    let found = 0
    let sum = 0
    for (let index = 0; index < count; index += 1) {
      const weight = weights[index] as number
      if (weight < least) continue
      order[found] = index
      found += 1
      sum += weight
    }
    if (sum >= mass || least === 0) return found
  }
  return count
}

function medianOfThree(values: Float64Array, a: number, b: number, c: number): number {
  if (better(values, a, b)) return better(values, b, c) ? b : better(values, a, c) ? c : a
  return better(values, a, c) ? a : better(values, b, c) ? c : b
}

/** Whether a candidate is kept by a selection that ended at `end`. */
export function isKept(values: Float64Array, index: number, end: number): boolean {
  return index === end || better(values, index, end)
}
