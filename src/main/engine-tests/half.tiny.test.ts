import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ParityRun, readReference, type OnRow } from './parity-run.ts'

/** Largest Kullback-Leibler divergence from the reference, nats: half precision moves a row by 4e-4 at most when measured, a wrong layout by tenths. */
const LARGEST_DIVERGENCE = 2e-3

describe.each(['llama-untied', 'llama-llama3-rope', 'qwen2-tied', 'qwen2-untied'])('the fp16 graph of %s computes what the reference computes, but for rounding', (name) => {
  const { source, ids, expected, vocabulary } = readReference(name)
  let run: ParityRun

  beforeAll(async () => {
    run = await ParityRun.ofHalves(source)
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
      for (let token = 0; token < vocabulary; token += 1) {
        const wanted = expected[position * vocabulary + token] ?? NaN
        divergence += Math.exp(wanted) * (wanted - (row[token] ?? NaN))
      }
      divergences.push(divergence)
    })
    expect(divergences.length).toBeGreaterThanOrEqual(ids.length)
    // Math.max keeps NaN, so that a row of NaN fails the comparison below
    expect(Math.max(...divergences)).toBeLessThan(LARGEST_DIVERGENCE)
  })
})
