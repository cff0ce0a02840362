import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { encodingsFor } from '../workshop/encodings.ts'
import { quantizationSchemes, type PrecisionScheme } from '../workshop/quantizer/scheme.ts'
import { writeDequantised } from './dequantised-checkpoint.ts'
import { LARGEST_DIFFERENCE, ParityRun, withFullActivations, type OnRow } from './parity-run.ts'

const fixtures = join(import.meta.dirname, 'fixtures')

/** Products that are fused in one piece are split by these: k from q and v, gate from up. */
const mixed: PrecisionScheme = {
  standard: { bits: 4, blockSize: 32 },
  exceptions: [
    { role: 'k', value: { bits: 8, blockSize: 32 } },
    { role: 'gate', layer: 1, value: { bits: 8, blockSize: 16 } },
    { role: 'down', layer: 0, value: null },
    { role: 'head', value: { bits: 8, blockSize: 32 } },
    { role: 'embedding', value: null },
  ],
}

/**
 * Widths of 32, 48 and 64 under blocks of 32: rows of one block, rows that end inside a block, rows of two; tied and
 * untied.
 */
const cases = ['llama-linear-rope', 'qwen2-untied', 'qwen2-tied'].flatMap((name) =>
  Object.entries({ ...quantizationSchemes, mixed }).map(([scheme, schemes]) => ({ name, scheme, schemes })),
)

describe.each(cases)(
  'the $scheme graph of $name computes what float32 computes with the weights its codes stand for',
  ({ name, schemes }) => {
    const source = join(fixtures, name)
    let directory: string
    let ids: readonly number[]
    let reference: ParityRun
    let run: ParityRun

    beforeAll(async () => {
      directory = await mkdtemp(join(tmpdir(), 'switchboard-dequantised-'))
      ids = (JSON.parse(await readFile(join(source, 'expected.json'), 'utf8')) as { ids: readonly number[] }).ids
      await writeDequantised(source, join(directory, 'source'), schemes)
      reference = await ParityRun.of(join(directory, 'source'))
      run = await ParityRun.of(source, 'int4', withFullActivations(encodingsFor(schemes)))
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
