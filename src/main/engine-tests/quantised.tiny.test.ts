import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { encodingsOf } from '../workshop/encodings.ts'
import { quantizationSchemes } from '../workshop/quantizer/scheme.ts'
import { writeDequantised } from './dequantised-checkpoint.ts'
import { LARGEST_DIFFERENCE, ParityRun, withFullActivations, type OnRow } from './parity-run.ts'

const fixtures = join(import.meta.dirname, 'fixtures')

/**
 * Widths of 32, 48 and 64 under blocks of 32: rows of one block, rows that end inside a block, rows of two; tied and
 * untied.
 */
const cases = ['llama-linear-rope', 'qwen2-untied', 'qwen2-tied'].flatMap((name) =>
  (['int8', 'int4'] as const).map((precision) => ({ name, precision })),
)

describe.each(cases)(
  'the $precision graph of $name computes what float32 computes with the weights its codes stand for',
  ({ name, precision }) => {
    const source = join(fixtures, name)
    let directory: string
    let ids: readonly number[]
    let reference: ParityRun
    let run: ParityRun

    beforeAll(async () => {
      directory = await mkdtemp(join(tmpdir(), 'switchboard-dequantised-'))
      ids = (JSON.parse(await readFile(join(source, 'expected.json'), 'utf8')) as { ids: readonly number[] }).ids
      await writeDequantised(source, join(directory, 'source'), quantizationSchemes[precision])
      reference = await ParityRun.of(join(directory, 'source'))
      run = await ParityRun.of(source, precision, withFullActivations(encodingsOf(precision)))
    })
    afterAll(async () => {
      await reference.dispose()
      await run.dispose()
      await rm(directory, { recursive: true, force: true })
    })

    const modes: readonly (readonly [string, (over: ParityRun, onRow: OnRow) => void])[] = [
      ['prefill', (over, onRow) => over.prefill(ids, 64, onRow)],
      ['decode', (over, onRow) => over.decode(ids, onRow)],
      ['ragged batched decode', (over, onRow) => over.decodeRagged(ids, onRow)],
    ]
    // the layout has to be right to the last nibble: the difference left is the order of float32 sums, 1e-4 at most
    // when measured
    test.each(modes)('%s', (_, score) => {
      const expected: Float32Array[] = []
      score(reference, (_position, row) => expected.push(row))
      let largest = 0
      let rows = 0
      score(run, (_position, row) => {
        for (const [token, logProbability] of row.entries())
          largest = Math.max(largest, Math.abs(logProbability - (expected[rows]?.[token] ?? NaN)))
        rows++
      })
      expect(rows).toBe(expected.length)
      expect(rows).toBeGreaterThanOrEqual(ids.length)
      expect(largest).toBeLessThanOrEqual(LARGEST_DIFFERENCE)
    })
  },
)
