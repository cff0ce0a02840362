import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { blockScales, packBlocks, unpackBlocks } from './round-to-nearest.ts'
import type { QuantizationScheme } from './scheme.ts'

const schemes: readonly QuantizationScheme[] = [
  { bits: 4, blockSize: 32 },
  { bits: 8, blockSize: 32 },
  { bits: 4, blockSize: 128 },
  { bits: 8, blockSize: 16 },
]

function throughCodes(
  values: Float32Array,
  width: number,
  scheme: QuantizationScheme,
): { readonly restored: Float32Array; readonly scales: Float32Array; readonly packed: Uint8Array } {
  const scales = blockScales(values, width, scheme)
  const packed = packBlocks(values, width, scheme)
  return { restored: unpackBlocks(packed, scales, width, scheme), scales, packed }
}

describe.each(schemes)('%j', (scheme) => {
  const middle = 2 ** (scheme.bits - 1)

  test('keeps every finite weight to within half the scale of its block', () => {
    const weight = fc.oneof(
      { weight: 5, arbitrary: fc.float({ min: -1, max: 1, noNaN: true }) },
      fc.constantFrom(0, -0, 1e-45, -1.4e-44, 1e-38, -3e-37, 3e38, -3e38, 1),
      fc.float({ min: Math.fround(-3e38), max: Math.fround(3e38), noNaN: true }),
    )
    const matrix = fc
      .tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 * scheme.blockSize + 1 }))
      .chain(([rows, width]) =>
        fc.tuple(fc.constant(width), fc.array(weight, { minLength: rows * width, maxLength: rows * width })),
      )
    fc.assert(
      fc.property(matrix, ([width, list]) => {
        const values = Float32Array.from(list)
        const { restored, scales } = throughCodes(values, width, scheme)
        const blocks = Math.ceil(width / scheme.blockSize)
        for (const [index, value] of values.entries()) {
          const scale = Math.abs(
            scales[Math.floor(index / width) * blocks + Math.floor((index % width) / scheme.blockSize)] ?? NaN,
          )
          // the scale and the product are rounded to float32: 2^-24 of up to 2^(bits - 1) steps each; below 2^-126
          // there are no scales
          const allowed = scale * (0.5 + middle * 2 ** -22) + (scale === 0 ? middle * 2 ** -126 : 0)
          if (!(Math.abs((restored[index] ?? NaN) - value) <= allowed))
            throw new Error(`${value} came back as ${restored[index]} with scale ${scale}`)
        }
      }),
      { numRuns: 300 },
    )
  })

  test('restores weights exactly that are codes times a scale', () => {
    const code = fc.integer({ min: -middle, max: middle - 1 })
    const step = fc
      .tuple(fc.integer({ min: 1, max: 255 }), fc.integer({ min: -30, max: 20 }), fc.constantFrom(1, -1))
      .map(([mantissa, exponent, sign]) => sign * mantissa * 2 ** exponent)
    fc.assert(
      fc.property(
        fc.array(code, { minLength: 2 * scheme.blockSize, maxLength: 2 * scheme.blockSize }),
        step,
        (codes, scale) => {
          // each block holds the lowest code, which fixes its scale
          codes[0] = codes[scheme.blockSize + 3] = -middle
          const values = Float32Array.from(codes, (one) => one * scale)
          const { restored, scales } = throughCodes(values, 2 * scheme.blockSize, scheme)
          expect([...scales]).toEqual([scale, scale])
          expect(restored.map((value) => value + 0)).toEqual(values.map((value) => value + 0))
        },
      ),
      { numRuns: 50 },
    )
  })

  test('a block of zeros, or of weights below any scale, stands for zeros', () => {
    const values = new Float32Array(2 * scheme.blockSize)
    values[scheme.blockSize] = 1e-45
    values[scheme.blockSize + 1] = -1.4e-44
    const { restored, scales, packed } = throughCodes(values, 2 * scheme.blockSize, scheme)
    expect(scales.every((scale) => scale === 0)).toBe(true)
    expect(new Set(packed)).toEqual(new Set([scheme.bits === 4 ? 0x88 : 0x80]))
    expect(restored.every((value) => value === 0)).toBe(true)
  })

  test('even the largest weights there are stay finite', () => {
    const largest = 3.4028234663852886e38
    const { restored } = throughCodes(Float32Array.of(-largest, largest, 0), 3, scheme)
    expect((restored[0] ?? NaN) / largest).toBeCloseTo(-1, 6)
    // cut by a whole step: the scale with which half a step would do stands for an infinity at code 0
    expect((restored[1] ?? NaN) / largest).toBeCloseTo(1 - 1 / middle, 6)
    expect(restored[2]).toBe(0)
  })

  test('rows are independent: one row at a time gives the same bytes', () => {
    const width = scheme.blockSize + 5
    const values = Float32Array.from({ length: 3 * width }, (_, index) => Math.sin(index * index))
    const together = throughCodes(values, width, scheme)
    const rows = [0, 1, 2].map((row) => throughCodes(values.slice(row * width, (row + 1) * width), width, scheme))
    expect([...together.packed]).toEqual(rows.flatMap(({ packed }) => [...packed]))
    expect([...together.scales]).toEqual(rows.flatMap(({ scales }) => [...scales]))
  })
})

test('int4: the layout byte by byte, with a row that ends inside a block', () => {
  const scheme = { bits: 4, blockSize: 16 } as const
  const row = (...values: readonly number[]): readonly number[] =>
    Array.from({ length: 17 }, (_, column) => values[column] ?? 0)
  const values = Float32Array.from([...row(-8, 7, 1, -1, 0.4, 0.6), ...row(8, -7, 2)])
  values[16] = 3
  // the extreme is positive in the second row: the scale is negative, so that 8 takes code 0
  expect([...blockScales(values, 17, scheme)]).toEqual([1, -3 / 8, -1, 0])
  expect([...packBlocks(values, 17, scheme)]).toEqual([
    0xf0, 0x79, 0x98, 0x88, 0x88, 0x88, 0x88, 0x88, 0x80, 0x88, 0x88, 0x88, 0x88, 0x88, 0x88, 0x88, 0xf0, 0x86, 0x88,
    0x88, 0x88, 0x88, 0x88, 0x88, 0x88, 0x88, 0x88, 0x88, 0x88, 0x88, 0x88, 0x88,
  ])
})

test('int8: extremes of equal size are both kept to within half a step', () => {
  const scheme = { bits: 8, blockSize: 16 } as const
  const values = Float32Array.from({ length: 16 }, (_, index) => (index === 0 ? -1 : index === 1 ? 1 : 0))
  const [scale = 0] = blockScales(values, 16, scheme)
  expect(scale).toBe(Math.fround(1 / 127.5))
  const codes = packBlocks(values, 16, scheme)
  // -127.5 steps round up to code 1 or down to 0, 127.5 steps up are cut to 255: half a step each
  expect([codes[1], codes[2]]).toEqual([255, 128])
  expect([0, 1]).toContain(codes[0])
})
