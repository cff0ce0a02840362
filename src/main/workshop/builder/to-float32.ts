/** Stored types that can be read as float32. */
export type FloatType = 'F16' | 'BF16' | 'F32'

export const floatTypes: readonly FloatType[] = ['F16', 'BF16', 'F32']

/**
 * The float32 bit pattern of each float16 bit pattern (IEEE 754 binary16). Integers, because a float array may change the
 * payload of a NaN.
 */
let halfTable: Uint32Array | undefined

function halfToFloatBits(): Uint32Array {
  if (halfTable !== undefined) return halfTable
  const table = new Uint32Array(65536)
  const scratch = new Float32Array(1)
  const bits = new Uint32Array(scratch.buffer)
  for (let half = 0; half < 65536; half++) {
    const sign = (half & 0x8000) << 16
    const exponent = (half >> 10) & 0x1f
    const fraction = half & 0x3ff
    if (exponent === 0) {
      scratch[0] = fraction * 2 ** -24
      table[half] = (bits[0] ?? 0) | sign
    } else if (exponent === 31) {
      table[half] = sign | 0x7f800000 | (fraction << 13)
    } else {
      table[half] = sign | ((exponent + 112) << 23) | (fraction << 13)
    }
  }
  halfTable = table
  return table
}

/**
 * Converts `count` stored little-endian elements to float32, exactly. `source` need not be aligned. Assumes a
 * little-endian machine, which all supported platforms are.
 *
 * @returns true when every value is finite.
 */
export function toFloat32(type: FloatType, source: Uint8Array, count: number, target: Float32Array): boolean {
  const bits = new Uint32Array(target.buffer, target.byteOffset, count)
  if (type === 'F32') {
    new Uint8Array(target.buffer, target.byteOffset, count * 4).set(source.subarray(0, count * 4))
  } else {
    const aligned = source.byteOffset % 2 === 0 ? source : source.slice(0, count * 2)
    const stored = new Uint16Array(aligned.buffer, aligned.byteOffset, count)
    if (type === 'BF16') {
      for (let index = 0; index < count; index++) bits[index] = (stored[index] ?? 0) << 16
    } else {
      const table = halfToFloatBits()
      for (let index = 0; index < count; index++) bits[index] = table[stored[index] ?? 0] ?? 0
    }
  }
  // an exponent of all ones marks infinities and NaN
  let special = 0
  for (let index = 0; index < count; index++) special |= ((bits[index] ?? 0) & 0x7f800000) === 0x7f800000 ? 1 : 0
  return special === 0
}
