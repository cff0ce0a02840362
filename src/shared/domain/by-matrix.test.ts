import { expect, test } from 'vitest'
import { mapByMatrix, valueFor, type ByMatrix } from './by-matrix.ts'

const bits: ByMatrix<number> = {
  standard: 4,
  exceptions: [
    { role: 'down', layer: 3, value: 8 },
    { role: 'head', value: 16 },
    { layer: 0, value: 6 },
    { role: 'down', value: 5 },
  ],
}

test('the first exception that matches applies, the standard elsewhere', () => {
  const matrices = [
    { role: 'down', layer: 3 },
    { role: 'down', layer: 2 },
    { role: 'down', layer: 0 },
    { role: 'q', layer: 0 },
    { role: 'q', layer: 3 },
    { role: 'head', layer: null },
    { role: 'embedding', layer: null },
  ] as const
  expect(matrices.map((matrix) => valueFor(bits, matrix))).toEqual([8, 5, 6, 6, 4, 16, 4])
  expect(
    matrices.map((matrix) =>
      valueFor(
        mapByMatrix(bits, (value) => value * 2),
        matrix,
      ),
    ),
  ).toEqual([16, 10, 12, 12, 8, 32, 8])
})
