import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { LARGEST_DIFFERENCE, ParityRun, type OnRow } from './parity-run.ts'

const demo = join(import.meta.dirname, '../../../resources/models/demo')
const frozen = join(import.meta.dirname, 'fixtures/demo.json')

/** Written by `python tools/parity/freeze.py --demo`. */
interface DemoFixture {
  readonly weightsSha256: Readonly<Record<string, string>>
  readonly sequences: readonly {
    readonly ids: readonly number[]
    readonly rows: readonly (readonly (readonly [token: number, logProbability: number])[])[]
  }[]
}

describe('log-probabilities of the demo model are those of the reference', () => {
  let fixture: DemoFixture
  let run: ParityRun

  beforeAll(async () => {
    fixture = JSON.parse(readFileSync(frozen, 'utf8')) as DemoFixture
    run = await ParityRun.of(demo)
  })
  afterAll(() => run.dispose())

  test('the fixture belongs to these weights; if not: python tools/parity/freeze.py --demo', () => {
    const found = Object.fromEntries(
      Object.keys(fixture.weightsSha256).map((name) => [
        name,
        createHash('sha256')
          .update(readFileSync(join(demo, name)))
          .digest('hex'),
      ]),
    )
    expect(found).toEqual(fixture.weightsSha256)
  })

  const modes: readonly (readonly [string, (ids: readonly number[], onRow: OnRow) => void])[] = [
    ['prefill', (ids, onRow) => run.prefill(ids, 64, onRow)],
    ['chunked prefill', (ids, onRow) => run.prefill(ids, 13, onRow)],
    ['decode', (ids, onRow) => run.decode(ids, onRow)],
  ]
  test.each(modes)('%s', (_, score) => {
    let largest = 0
    let compared = 0
    for (const { ids, rows } of fixture.sequences) {
      score(ids, (position, row) => {
        for (const [token, logProbability] of rows[position] ?? []) {
          compared++
          // Math.max keeps NaN, so that a row of NaN fails the comparison below
          largest = Math.max(largest, Math.abs((row[token] ?? NaN) - logProbability))
        }
      })
    }
    expect(compared).toBeGreaterThan(1000)
    expect(largest).toBeLessThanOrEqual(LARGEST_DIFFERENCE)
  })
})
