import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { encodingsOf } from '../workshop/encodings.ts'
import { ParityRun, readReference, withFullActivations, type OnRow } from './parity-run.ts'

/**
 * Allowed Kullback-Leibler divergence from the reference, nats: half precision was measured to move a row by at most
 * 4e-4, a wrong layout moves it by tenths.
 */
const LARGEST_DIVERGENCE = 2e-3

const cases = [
  ...['llama-untied', 'llama-llama3-rope', 'qwen2-tied', 'qwen2-untied'].map((name) => ({
    name,
    precision: 'fp16' as const,
  })),
  // widths of 32, 48 and 64 under blocks of 32, tied and untied
  ...['llama-linear-rope', 'qwen2-untied', 'qwen2-tied'].flatMap((name) =>
    (['int8', 'int4'] as const).map((precision) => ({ name, precision })),
  ),
]

describe.each(cases)(
  'the float16 graph of $name as $precision computes what float32 computes, but for rounding',
  ({ name, precision }) => {
    const { source, ids, expected: frozen, vocabulary } = readReference(name)
    /** Log-probabilities after each position. */
    const expected = new Map<number, Float32Array>()
    let run: ParityRun

    beforeAll(async () => {
      if (precision === 'fp16') {
        for (const position of ids.keys())
          expected.set(position, frozen.subarray(position * vocabulary, (position + 1) * vocabulary))
      } else {
        const whole = await ParityRun.of(source, precision, withFullActivations(encodingsOf(precision)))
        whole.prefill(ids, 64, (position, row) => expected.set(position, row))
        await whole.dispose()
      }
      run = await ParityRun.ofHalves(source, precision, withFullActivations(encodingsOf(precision)))
    })
    afterAll(() => run.dispose())

    const modes: readonly (readonly [string, (onRow: OnRow) => void])[] = [
      ['chunked prefill', (onRow) => run.prefill(ids, 7, onRow)],
      ['decode', (onRow) => run.decode(ids, onRow)],
      ['ragged batched decode', (onRow) => run.decodeRagged(ids, onRow)],
    ]
    test.each(modes)('%s', (_, score) => {
      const divergences: number[] = []
      score((position, row) => {
        let divergence = 0
        for (const [token, wanted] of expected.get(position)?.entries() ?? [])
          divergence += Math.exp(wanted) * (wanted - (row[token] ?? NaN))
        divergences.push(divergence)
      })
      expect(expected.size).toBe(ids.length)
      expect(divergences.length).toBeGreaterThanOrEqual(ids.length)
      // Math.max keeps NaN, so that a row of NaN fails the comparison below
      expect(Math.max(...divergences)).toBeLessThan(LARGEST_DIVERGENCE)
    })
  },
)
