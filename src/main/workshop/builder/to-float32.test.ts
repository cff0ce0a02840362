import { expect, test } from 'vitest'
import { toFloat32 } from './to-float32.ts'

const bytesOf = (values: Uint16Array): Uint8Array => new Uint8Array(values.buffer)

test('every half is the value IEEE 754 gives it', () => {
  const halves = Uint16Array.from({ length: 65536 }, (_, bits) => bits)
  const converted = new Float32Array(65536)
  expect(toFloat32('F16', bytesOf(halves), 65536, converted)).toBe(false)
  for (let bits = 0; bits < 65536; bits++) {
    const [sign, exponent, fraction] = [bits & 0x8000 ? -1 : 1, (bits >> 10) & 31, bits & 1023]
    const value =
      exponent === 31
        ? fraction === 0
          ? sign * Infinity
          : NaN
        : exponent === 0
          ? sign * fraction * 2 ** -24
          : sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
    if (!Object.is(converted[bits], value))
      throw new Error(`half ${bits.toString(16)}: ${converted[bits]} is not ${value}`)
  }
})

test('bfloat16 is the upper half of a float32, also from an odd address', () => {
  const values = Uint16Array.of(0x3f80, 0xc000, 0x0001, 0x7f7f)
  const shifted = new Uint8Array(9)
  shifted.set(bytesOf(values), 1)
  const converted = new Float32Array(4)
  expect(toFloat32('BF16', shifted.subarray(1), 4, converted)).toBe(true)
  expect([...converted]).toEqual([1, -2, 2 ** -133, 3.3895313892515355e38])
})

test('float32 is copied, and values that are not finite are noticed', () => {
  const converted = new Float32Array(2)
  expect(toFloat32('F32', new Uint8Array(Float32Array.of(1.5, -0).buffer), 2, converted)).toBe(true)
  expect([...converted]).toEqual([1.5, -0])
  for (const bad of [NaN, Infinity, -Infinity])
    expect(toFloat32('F32', new Uint8Array(Float32Array.of(1, bad).buffer), 2, converted)).toBe(false)
})
