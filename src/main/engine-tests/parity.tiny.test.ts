import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { LARGEST_DIFFERENCE, ParityRun, readReference, type OnRow } from './parity-run.ts'

/** Tiny random checkpoints; tools/parity/freeze.py says what each one exercises. */
const checkpoints = ['llama-untied', 'llama-llama3-rope', 'llama-linear-rope', 'qwen2-tied', 'qwen2-untied']

describe.each(checkpoints)('log-probabilities of %s are those of the reference', (name) => {
  const { source, ids, expected, vocabulary } = readReference(name)
  let run: ParityRun

  beforeAll(async () => {
    run = await ParityRun.of(source)
  })
  afterAll(() => run.dispose())

  const modes: readonly (readonly [string, (onRow: OnRow) => void])[] = [
    ['prefill', (onRow) => run.prefill(ids, 64, onRow)],
    ['chunked prefill', (onRow) => run.prefill(ids, 7, onRow)],
    ['decode', (onRow) => run.decode(ids, onRow)],
    ['ragged batched decode', (onRow) => run.decodeRagged(ids, onRow)],
  ]
  test.each(modes)('%s', (_, score) => {
    let largest = 0
    let rows = 0
    score((position, row) => {
      rows++
      for (let token = 0; token < vocabulary; token++) {
        // Math.max keeps NaN, so that a row of NaN fails the comparison below
        largest = Math.max(largest, Math.abs((row[token] ?? NaN) - (expected[position * vocabulary + token] ?? NaN)))
      }
    })
    expect(rows).toBeGreaterThanOrEqual(ids.length)
    expect(largest).toBeLessThanOrEqual(LARGEST_DIFFERENCE)
  })
})
