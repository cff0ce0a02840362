/** High and low 32 bits of an unsigned 32 by 32 bit product. */
function multiply(a: number, b: number): readonly [high: number, low: number] {
  const low = Math.imul(a, b) >>> 0
  const aLow = a & 0xffff
  const aHigh = a >>> 16
  const bLow = b & 0xffff
  const bHigh = b >>> 16
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16)
  const high = aHigh * bHigh + Math.floor(middle / 0x10000) + ((middle % 0x10000) + aLow * bHigh) / 0x10000
  return [Math.floor(high) >>> 0, low]
}

/**
 * Philox2x32 with 10 rounds (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC11). All values are
 * unsigned 32-bit.
 */
export function philox(counterLow: number, counterHigh: number, key: number): readonly [number, number] {
  let x0 = counterLow >>> 0
  let x1 = counterHigh >>> 0
  let k = key >>> 0
  for (let round = 0; round < 10; round += 1) {
    const [high, low] = multiply(0xd256d193, x0)
    x0 = (high ^ k ^ x1) >>> 0
    x1 = low
    k = (k + 0x9e3779b9) >>> 0
  }
  return [x0, x1]
}

/**
 * Random number for one position of one reply, uniform in [0, 1) with 53 bits. It depends on seed and position alone,
 * so that the same request draws the same numbers whatever else is in the batch, and after restarts.
 */
export function uniformAt(seed: number, position: number): number {
  const [high, low] = philox(position >>> 0, Math.floor(position / 0x100000000), seed)
  return ((high >>> 5) * 0x4000000 + (low >>> 6)) / 0x20000000000000
}
