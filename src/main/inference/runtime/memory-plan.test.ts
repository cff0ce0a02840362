import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { GRAPH_VERSION, type GraphDescription } from '../../../shared/contracts/graph.ts'
import { SwitchboardError } from '../../../shared/errors/switchboard-error.ts'
import { groupMemory } from './machine-memory.ts'
import { memoryNeed, planMemory, withArithmetic, type MemoryPlan, type MemoryWish } from './memory-plan.ts'

const gigabyte = 1024 ** 3

/** The shape of Qwen2.5 7B at int4. */
const description: GraphDescription = {
  version: GRAPH_VERSION,
  family: 'qwen2',
  precision: 'int4',
  floats: ['float32', 'float16'],
  layers: 28,
  hiddenSize: 3584,
  heads: 28,
  kvHeads: 4,
  headDim: 128,
  vocabularySize: 152_064,
  maxPositions: 32_768,
  weightBytes: 4.5 * gigabyte,
  sources: {},
  files: {},
}
const wanted: MemoryWish = {
  description,
  floats: 'float32',
  slots: 8,
  contextLength: 8192,
  prefillChunk: 128,
  scoreRows: 55,
}

/** The plan, or null when it is refused. */
function planned(wish: MemoryWish, freeBytes: number): MemoryPlan | null {
  try {
    return planMemory(wish, freeBytes)
  } catch (failure) {
    expect(failure).toMatchObject({ code: 'out_of_memory' })
    return null
  }
}
const total = (wish: MemoryWish): number => memoryNeed(wish).totalBytes

const wishes = fc.record({
  description: fc
    .record({
      layers: fc.integer({ min: 1, max: 80 }),
      kvHeads: fc.integer({ min: 1, max: 16 }),
      headDim: fc.constantFrom(32, 64, 128),
      heads: fc.integer({ min: 1, max: 64 }),
      hiddenSize: fc.integer({ min: 16, max: 8192 }),
      vocabularySize: fc.integer({ min: 100, max: 260_000 }),
      weightBytes: fc.integer({ min: 1, max: 20 * gigabyte }),
    })
    .map((changes) => ({ ...description, ...changes })),
  floats: fc.constantFrom('float32' as const, 'float16' as const),
  slots: fc.integer({ min: 1, max: 64 }),
  contextLength: fc.oneof(fc.integer({ min: 1, max: 8192 }), fc.integer({ min: 1, max: 131_072 })),
  prefillChunk: fc.integer({ min: 1, max: 512 }),
  scoreRows: fc.integer({ min: 1, max: 64 }),
})
const least = (wish: MemoryWish): MemoryWish => ({
  ...wish,
  slots: 1,
  contextLength: Math.min(wish.contextLength, 2048),
})

/** Memory from below the minimum to above the maximum, exact limits included. */
const cases = fc
  .tuple(
    wishes,
    fc.oneof(fc.constantFrom(0, 1), fc.double({ min: -0.1, max: 1.2, noNaN: true })),
    fc.constantFrom(-1, 0, 0),
  )
  .map(([wish, share, off]) => ({
    wish,
    freeBytes: Math.max(0, Math.floor(total(least(wish)) + share * (total(wish) - total(least(wish)))) + off),
  }))

describe('planMemory', () => {
  it('never exceeds the memory, keeps the whole wish exactly when it fits, and refuses exactly when the minimum does not', () => {
    fc.assert(
      fc.property(cases, ({ wish, freeBytes }) => {
        const plan = planned(wish, freeBytes)
        expect(plan === null).toBe(total(least(wish)) > freeBytes)
        if (plan === null) return
        const { slots, contextLength, lowered } = plan
        expect(total({ ...wish, slots, contextLength })).toBeLessThanOrEqual(freeBytes)
        expect(lowered).toEqual(
          total(wish) <= freeBytes
            ? null
            : { slots: wish.slots, contextLength: wish.contextLength, neededBytes: total(wish), freeBytes },
        )
        expect([slots, contextLength].join() === [wish.slots, wish.contextLength].join()).toBe(lowered === null)
      }),
      { numRuns: 1000 },
    )
  })

  it('lowers slots down to two, then the context in whole thousands down to 2048, then the second slot, and no more than necessary', () => {
    fc.assert(
      fc.property(cases, ({ wish, freeBytes }) => {
        const plan = planned(wish, freeBytes)
        if (plan === null || plan.lowered === null) return
        const { slots, contextLength } = plan
        const more =
          contextLength === wish.contextLength && slots >= 2
            ? { slots: slots + 1, contextLength }
            : slots === 1 && wish.slots > 1
              ? { slots: 2, contextLength }
              : { slots, contextLength: Math.min(wish.contextLength, contextLength + 1024) }
        expect(total({ ...wish, ...more })).toBeGreaterThan(freeBytes)
        if (contextLength === wish.contextLength) return
        expect(slots).toBeLessThanOrEqual(2)
        expect(contextLength % 1024).toBe(0)
        expect(contextLength).toBeGreaterThanOrEqual(2048)
        expect(slots === 1 && wish.slots > 1 ? contextLength : 2048).toBe(2048)
      }),
      { numRuns: 1000 },
    )
  })

  it('never gives less for more memory', () => {
    fc.assert(
      fc.property(cases, fc.nat(8 * gigabyte), ({ wish, freeBytes }, extra) => {
        const plan = planned(wish, freeBytes)
        if (plan === null) return
        const richer = planned(wish, freeBytes + extra)
        expect(richer?.slots).toBeGreaterThanOrEqual(plan.slots)
        expect(richer?.contextLength).toBeGreaterThanOrEqual(plan.contextLength)
      }),
      { numRuns: 1000 },
    )
  })

  it('plans a 7B model for real machines', () => {
    const rooms = [4, 5.1, 5.5, 6, 8, 10, 24]
      .map((free) => planned(wanted, free * gigabyte))
      .map((plan) => (plan === null ? 'refused' : `${plan.slots} × ${plan.contextLength}`))
    expect(rooms).toEqual(['refused', '1 × 2048', '2 × 2048', '2 × 5120', '3 × 8192', '5 × 8192', '8 × 8192'])
  })

  it('lowers nothing when the memory is unknown', () => {
    expect(planMemory(wanted, null)).toEqual({ slots: 8, contextLength: 8192, lowered: null })
  })

  it('refuses with the arithmetic and advice', () => {
    expect(() => planMemory(wanted, 4 * gigabyte)).toThrow(
      'The model does not fit into memory, even with the least: weights 4.50 GB + conversations 0.22 GB (1 slot of 2048 tokens) + working memory 0.35 GB = 5.07 GB; free: 4.00 GB. ' +
        'What helps: a smaller model, a shorter context, or closing other programs.',
    )
  })

  it('adds the arithmetic to an out_of_memory of a device, and to no other error', () => {
    const failing = (failure: Error) => () =>
      withArithmetic(wanted, null, () => {
        throw failure
      })
    const refused = new SwitchboardError('out_of_memory', 'Failed to allocate memory.')
    expect(failing(refused)).toThrow(
      expect.objectContaining({
        code: 'out_of_memory',
        cause: refused,
        message: expect.stringMatching(
          /^Memory for the model was refused: weights 4\.50 GB .*\(8 slots of 8192 tokens\).* free: unknown\. What helps: .*fewer parallel conversations.* The device said: Failed to allocate memory\.$/,
        ) as string,
      }) as Error,
    )
    const other = new SwitchboardError('engine_fault', 'broken')
    expect(failing(other)).toThrow(other)
    expect(withArithmetic(wanted, null, () => 7)).toBe(7)
  })
})

describe('memory of a control group', () => {
  it('is the limit minus the use, without cached files', () => {
    expect(groupMemory('4000\n', '3000\n', 'anon 900\ninactive_file 1500\nactive_file 500\nslab 100\n')).toBe(3000)
    expect(groupMemory('4000\n', '5000\n', 'anon 5000\n')).toBe(0)
  })

  it('is infinite without a limit', () => {
    expect([groupMemory('max\n', '3000\n', ''), groupMemory('', '', '')]).toEqual([
      Number.POSITIVE_INFINITY,
      Number.POSITIVE_INFINITY,
    ])
  })
})
