import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bestToken } from '../inference/sampling/sampler.ts'
import { ParityRun } from './parity-run.ts'

const demo = join(import.meta.dirname, '../../../resources/models/demo')
const frozen = join(import.meta.dirname, 'fixtures/demo.json')

/** Rounding should not change the best token where it leads by more than this (nats). */
const CLEAR_LEAD = 0.1

/**
 * What rounding costs a trained model, on the token ids of the parity test. Tiny checkpoints of random weights depend
 * on every last bit; a trained model shows whether the kernels are fit for use, which round activations as well
 * (accuracy level 4).
 */
describe('the demo model quantised stays close to itself', () => {
  const { sequences } = JSON.parse(readFileSync(frozen, 'utf8')) as {
    readonly sequences: readonly { readonly ids: readonly number[] }[]
  }
  let expected: readonly Float32Array[]

  const scored = async (run: ParityRun): Promise<readonly Float32Array[]> => {
    const rows: Float32Array[] = []
    for (const { ids } of sequences) run.prefill(ids, 64, (_, row) => rows.push(row))
    await run.dispose()
    return rows
  }
  beforeAll(async () => {
    expected = await scored(await ParityRun.of(demo))
  })
  afterAll(() => {
    expected = []
  })

  // measured: int8 2e-4 nats and 99.9 % of clear leads, int4 2e-2 nats and 95 %; a wrong layout costs several nats
  test.each([
    { precision: 'int8', divergence: 2e-3, agreement: 0.99 },
    { precision: 'int4', divergence: 0.1, agreement: 0.85 },
  ] as const)('$precision', async ({ precision, divergence, agreement }) => {
    const rows = await scored(await ParityRun.of(demo, precision))
    let sum = 0
    let clear = 0
    let clearAndSame = 0
    let same = 0
    for (const [at, row] of rows.entries()) {
      const reference = expected[at] ?? new Float32Array()
      for (const [token, logProbability] of reference.entries())
        sum += Math.exp(logProbability) * (logProbability - (row[token] ?? NaN))
      const best = bestToken(reference)
      const agrees = bestToken(row) === best
      const lead = (reference[best] ?? NaN) - Math.max(...reference.filter((_, token) => token !== best))
      if (agrees) same++
      if (lead > CLEAR_LEAD) clear++
      if (lead > CLEAR_LEAD && agrees) clearAndSame++
    }
    console.info(
      `${precision}: divergence ${(sum / rows.length).toExponential(2)} nats a token, best token the same in ${same} of ${rows.length}, where it leads clearly in ${clearAndSame} of ${clear}`,
    )
    expect(clear).toBeGreaterThan(500)
    expect(sum / rows.length).toBeLessThan(divergence)
    expect(clearAndSame / clear).toBeGreaterThanOrEqual(agreement)
  })
})
