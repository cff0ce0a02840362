import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { GRAPH_VERSION } from '../../../shared/contracts/graph.ts'
import { readGraphDescription } from './graph-description.ts'
import { countCores, sessionThreads } from './session-threads.ts'
import { coverSlots } from './spans.ts'

describe('coverSlots', () => {
  /** A further row costs a fifth, or half, of a run of one. */
  const cheapRows = (rows: number): number => 1 + 0.2 * (rows - 1)
  const dearRows = (rows: number): number => 1 + 0.5 * (rows - 1)

  it('joins slots over gaps that cost less than a run, and splits at others', () => {
    expect(coverSlots([], 8, cheapRows)).toEqual([])
    expect(coverSlots([0, 1, 2], 8, dearRows)).toEqual([{ first: 0, count: 3 }])
    expect(coverSlots([1, 5], 8, cheapRows)).toEqual([{ first: 1, count: 5 }])
    expect(coverSlots([1, 5], 8, dearRows)).toEqual([
      { first: 1, count: 1 },
      { first: 5, count: 1 },
    ])
    expect(coverSlots([0, 6], 8, cheapRows)).toEqual([
      { first: 0, count: 1 },
      { first: 6, count: 1 },
    ])
    expect(coverSlots([0, 1, 2], 1, cheapRows)).toHaveLength(3)
  })

  const scattered = fc.uniqueArray(fc.nat(15), { maxLength: 9 }).map((slots) => slots.toSorted((a, b) => a - b))
  /** Times that jump about, and times that do not. */
  const measured = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 16, maxLength: 16 }).map(
    (ms) =>
      (rows: number): number =>
        ms[rows - 1] ?? 0,
  )
  const steady = fc.tuple(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 1, max: 20 })).map(
    ([run, row]) =>
      (rows: number): number =>
        run + row * rows,
  )

  it('covers every live slot exactly once, in spans that are allowed and begin and end with a live slot', () => {
    fc.assert(
      fc.property(scattered, fc.integer({ min: 1, max: 16 }), measured, (slots, longest, cost) => {
        const spans = coverSlots(slots, longest, cost)
        const covered = spans.flatMap(({ first, count }) => Array.from({ length: count }, (_, row) => first + row))
        expect(new Set(covered).size).toBe(covered.length)
        expect(slots.filter((slot) => !covered.includes(slot))).toEqual([])
        for (const { first, count } of spans) {
          expect(count).toBeLessThanOrEqual(longest)
          expect([slots.includes(first), slots.includes(first + count - 1)]).toEqual([true, true])
        }
      }),
    )
  })

  it('never parts neighbours that one run may cover', () => {
    fc.assert(
      fc.property(scattered, measured, (slots, cost) => {
        for (const { first } of coverSlots(slots, 16, cost)) expect(slots).not.toContain(first - 1)
      }),
    )
  })

  it('finds no dearer cover than trying all of them', () => {
    const cheapest = (slots: readonly number[], cost: (rows: number) => number): number => {
      if (slots.length === 0) return 0
      return Math.min(
        ...slots.map((last, index) => cost(last - (slots[0] ?? 0) + 1) + cheapest(slots.slice(index + 1), cost)),
      )
    }
    fc.assert(
      fc.property(scattered, steady, (slots, cost) => {
        const found = coverSlots(slots, 16, cost).reduce((sum, { count }) => sum + cost(count), 0)
        expect(found).toBe(cheapest(slots, cost))
      }),
    )
  })
})

describe('threads of a session', () => {
  it('are one per physical core', () => {
    const cpu = (socket: number, core: number) => `processor\t: 0\nphysical id\t: ${socket}\ncore id\t\t: ${core}\n\n`
    expect(countCores(cpu(0, 0) + cpu(0, 1) + cpu(0, 0) + cpu(1, 0))).toBe(3)
    expect(countCores('processor\t: 0\nBogoMIPS\t: 50.00\n')).toBe(0)
  })

  it('are fewer for a small graph, and stop looking for work when a step has ended', () => {
    expect(
      [
        sessionThreads(0, 20e6, 8),
        sessionThreads(0, 900e6, 8),
        sessionThreads(0, 900e6, 2),
        sessionThreads(3, 20e6, 2),
      ].map(({ count }) => count),
    ).toEqual([1, 8, 2, 3])
    expect(sessionThreads(0, 900e6, 2).config).toMatchObject({
      'session.intra_op.spin_duration_us': '200',
      'session.force_spinning_stop': '1',
    })
  })
})

describe('graph.json', () => {
  const valid = {
    version: GRAPH_VERSION,
    family: 'qwen2',
    precision: 'fp32',
    floats: ['float32'],
    layers: 2,
    hiddenSize: 8,
    heads: 2,
    kvHeads: 1,
    headDim: 4,
    vocabularySize: 10,
    maxPositions: 16,
    weightBytes: 100,
    sources: {},
    files: { 'model.onnx': 'a'.repeat(64), 'model.onnx_data': 'b'.repeat(64) },
  }

  it('is read when it is right, and its fault is named when it is not', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'switchboard-graph-'))
    const read = async (content: unknown) => {
      await writeFile(join(directory, 'graph.json'), typeof content === 'string' ? content : JSON.stringify(content))
      return readGraphDescription(directory)
    }
    expect(await read(valid)).toEqual(valid)
    for (const [content, fault] of [
      ['{', 'is not JSON'],
      [null, 'not an object'],
      [{ ...valid, version: 99 }, 'version 99'],
      [{ ...valid, layers: 0 }, 'layers'],
      [{ ...valid, headDim: 1.5 }, 'headDim'],
      [{ ...valid, weightBytes: undefined }, 'weightBytes'],
      [{ ...valid, precision: 4 }, 'precision'],
      [{ ...valid, floats: ['int3'] }, 'floats'],
      [{ ...valid, floats: [] }, 'floats'],
      [{ ...valid, floats: ['float32', 'float16'] }, 'SHA-256 of model-float16.onnx'],
      [{ ...valid, files: {} }, 'SHA-256 of model.onnx'],
    ] as const)
      await expect(read(content)).rejects.toMatchObject({
        code: 'model_corrupt',
        message: expect.stringMatching(`^graph\\.json: .*${fault}`) as string,
      })
    await rm(directory, { recursive: true })
    expect(() => readGraphDescription(directory)).toThrow('cannot be read')
  })
})
