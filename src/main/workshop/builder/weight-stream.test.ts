import { expect, test } from 'vitest'
import type { TensorBytes } from '../onnx/graph.ts'
import type { Weight } from './checkpoint.ts'
import { memoryByteSource } from './memory-byte-source.ts'
import { inStoredOrder, transposedSideBySide } from './weight-stream.ts'

function weight(name: string, shape: readonly number[], valueAt: (index: number) => number): Weight {
  const values = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, index) => valueAt(index))
  return { name, type: 'F32', shape, source: memoryByteSource('w', new Uint8Array(values.buffer)), position: 0 }
}

async function collect(bytes: TensorBytes): Promise<readonly number[]> {
  const values: number[] = []
  for await (const piece of bytes()) values.push(...new Float32Array(piece.slice().buffer))
  return values
}

test('vectors are joined in order', async () => {
  expect(await collect(inStoredOrder([weight('a', [2], (i) => i), weight('b', [3], (i) => 10 + i)]))).toEqual([
    0, 1, 10, 11, 12,
  ])
})

// panel sizes of one row, some rows, all rows: a large matrix is read in several passes
test.each([1, 3 * 117, 1 << 24])(
  'matrices are transposed and set side by side, panel of %i elements',
  async (panel) => {
    const [inputs, first, second] = [70, 77, 40]
    const a = weight('a', [first, inputs], (index) => index)
    const b = weight('b', [second, inputs], (index) => 100_000 + index)
    const expected: number[] = []
    for (let input = 0; input < inputs; input++) {
      for (let out = 0; out < first; out++) expected.push(out * inputs + input)
      for (let out = 0; out < second; out++) expected.push(100_000 + out * inputs + input)
    }
    expect(await collect(transposedSideBySide([a, b], panel))).toEqual(expected)
  },
)

test('a weight that is not finite is named', async () => {
  await expect(
    collect(inStoredOrder([weight('model.norm.weight', [3], (i) => (i === 2 ? NaN : 1))])),
  ).rejects.toMatchObject({ code: 'model_corrupt', details: { tensor: 'model.norm.weight' } })
})
