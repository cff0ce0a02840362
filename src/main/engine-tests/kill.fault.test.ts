/**
 * Rows F1, F16 and F21 of the table of faults: the real engine process killed, stopped, and its callers leaving, in
 * each phase of a reply.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { TokenOutput } from '../../shared/contracts/engine.ts'
import type { EngineSupervisor } from '../engine-client/engine-supervisor.ts'
import { buildRandomModel, testModel, type BuiltModel } from './random-model.ts'
import { isAlive, never, pidOf, reply, request, stateThat, superviseEngine } from './supervised-engine.ts'

/** Kills, and replies left, in each phase. SWITCHBOARD_FAULT_ROUNDS sets more, such as 50 for 200 kills. */
const ROUNDS = Number(process.env['SWITCHBOARD_FAULT_ROUNDS'] ?? 6)
const AT_ONCE = 3
const patience = 60_000 + ROUNDS * 60_000

const phases = ['in prefill', 'at token 1', 'at token 50', 'at the last token'] as const
type Phase = (typeof phases)[number]

const LONG = 6000
const SHORT = 120
/** Enough chunks that the test always acts before they are computed. */
const longPrompt = Array.from({ length: LONG }, (_, at) => at % 256)

let built: BuiltModel
let expected: readonly TokenOutput[]

beforeAll(async () => {
  built = await buildRandomModel()
  const engine = superviseEngine(testModel(built.graphDirectory))
  await engine.start()
  expected = (await reply(engine, request('expected', { maxTokens: SHORT }))).tokens
  await engine.dispose()
})
afterAll(async () => {
  await built.remove()
})

/** Reads a reply and calls `act` in the phase; returns what arrived and how the reply ended. */
async function interrupted(
  engine: EngineSupervisor,
  phase: Phase,
  requestId: string,
  act: () => void,
  signal = never,
): Promise<{ readonly tokens: readonly TokenOutput[]; readonly end: unknown }> {
  const at = { 'in prefill': Infinity, 'at token 1': 1, 'at token 50': 50, 'at the last token': SHORT }[phase]
  const asked =
    phase === 'in prefill'
      ? { promptIds: longPrompt, maxTokens: 5 }
      : { maxTokens: phase === 'at the last token' ? SHORT : LONG }
  const tokens: TokenOutput[] = []
  let acted = false
  // Stats of the previous request are out of the way: from here on, `running` means this one.
  await stateThat(engine, (state) => state.kind === 'ready' && (phase !== 'in prefill' || state.stats.running === 0))
  const reading = (async () => {
    let end: unknown = null
    for await (const event of engine.generate(request(requestId, asked), signal)) {
      if (event.kind === 'done') end = event
      if (event.kind !== 'tokens') continue
      tokens.push(...event.tokens)
      if (acted || tokens.length < at) continue
      acted = true
      act()
    }
    return end
  })().catch((failure: unknown) => failure)
  if (phase === 'in prefill') {
    await stateThat(engine, (state) => state.kind === 'ready' && state.stats.running === 1)
    act()
  }
  return { tokens, end: await reading }
}

/** Ends one engine in every phase, and checks that it answers as before each time. */
async function everyPhase(
  order: readonly Phase[],
  act: (pid: number) => void,
  reason: RegExp,
  silenceMs: number,
): Promise<void> {
  const engine = superviseEngine(testModel(built.graphDirectory), { silenceMs })
  const pids: number[] = []
  try {
    await engine.start()
    for (const phase of order) {
      const pid = pidOf(engine)
      pids.push(pid)
      const gone = stateThat(engine, ({ kind }) => kind === 'restarting')
      const { tokens, end } = await interrupted(engine, phase, phase, () => act(pid))
      await gone
      expect(tokens.slice(0, SHORT)).toEqual(expected.slice(0, tokens.length))
      // A reply whose end had arrived is complete; every other one ends with an error.
      const isLast = phase === 'at the last token'
      expect(tokens.length).toBeGreaterThanOrEqual(isLast ? SHORT : 0)
      expect(tokens.length).toBeLessThanOrEqual(isLast ? SHORT : phase === 'in prefill' ? 0 : Infinity)
      expect(end).toMatchObject(
        isLast && !(end instanceof Error)
          ? { kind: 'done', finishReason: 'length', completionTokens: SHORT }
          : {
              code: 'engine_crashed',
              entry: { retryable: true },
              message: expect.stringMatching(reason) as string,
            },
      )
      expect([engine.active, isAlive(pid)]).toEqual([0, false])
      await engine.ready()
      expect((await reply(engine, request(`after ${phase}`, { maxTokens: SHORT }))).tokens).toEqual(expected)
    }
    pids.push(pidOf(engine))
    expect(new Set(pids).size).toBe(order.length + 1)
  } finally {
    await engine.dispose()
  }
  expect(pids.filter(isAlive)).toEqual([])
}

const rotated = (round: number): readonly Phase[] => [
  ...phases.slice(round % phases.length),
  ...phases.slice(0, round % phases.length),
]

describe('an engine that is killed (F1)', () => {
  it(
    `in every phase, ${ROUNDS} times: its reply fails typed or is whole, another takes over, none is left`,
    { timeout: patience },
    async () => {
      for (let round = 0; round < ROUNDS; round += AT_ONCE) {
        await Promise.all(
          Array.from({ length: Math.min(AT_ONCE, ROUNDS - round) }, (_, more) =>
            everyPhase(
              rotated(round + more),
              (pid) => void process.kill(pid, 'SIGKILL'),
              /was ended by SIGKILL/,
              30_000,
            ),
          ),
        )
      }
    },
  )
})

describe.skipIf(process.platform === 'win32')('an engine that hangs (F21)', () => {
  it(
    'while it computes a prompt and while it writes: noticed by its silence, killed, replaced',
    { timeout: patience },
    async () => {
      await everyPhase(
        ['at token 1', 'in prefill'],
        (pid) => void process.kill(pid, 'SIGSTOP'),
        /was silent for 3 s/,
        3000,
      )
    },
  )
})

describe('a caller that leaves (F16)', () => {
  it(
    `in every phase, ${ROUNDS} times each: its slot is free again, and what waited never runs`,
    { timeout: patience },
    async () => {
      const engine = superviseEngine(testModel(built.graphDirectory, { slots: 2, queueRequests: 8 }))
      try {
        await engine.start()
        const pid = pidOf(engine)
        for (let round = 0; round < ROUNDS; round += 1) {
          for (const phase of phases) {
            const leaving = new AbortController()
            const { end } = await interrupted(engine, phase, `${phase} ${round}`, () => leaving.abort(), leaving.signal)
            const rest = phase === 'at the last token' ? { completionTokens: SHORT } : { finishReason: 'cancelled' }
            expect(end).toMatchObject({ kind: 'done', ...rest })
            await stateThat(
              engine,
              (state) => state.kind === 'ready' && state.stats.running === 0 && state.stats.freeSlots === 2,
            )
          }
          const holders = [1, 2].map(() => new AbortController())
          const waiter = new AbortController()
          const running = holders.map((holder, index) =>
            interrupted(engine, 'at token 1', `holder ${index} ${round}`, () => undefined, holder.signal),
          )
          const waiting = interrupted(engine, 'at token 1', `waiter ${round}`, () => undefined, waiter.signal)
          await stateThat(
            engine,
            (state) => state.kind === 'ready' && state.stats.running === 2 && state.stats.waiting === 1,
          )
          waiter.abort()
          expect(await waiting).toMatchObject({
            tokens: [],
            end: { kind: 'done', finishReason: 'cancelled', completionTokens: 0 },
          })
          for (const holder of holders) holder.abort()
          await Promise.all(running)
          await stateThat(
            engine,
            (state) =>
              state.kind === 'ready' &&
              state.stats.running === 0 &&
              state.stats.waiting === 0 &&
              state.stats.freeSlots === 2,
          )
        }
        expect((await reply(engine, request('after', { maxTokens: SHORT }))).tokens).toEqual(expected)
        expect([engine.active, pidOf(engine)]).toEqual([0, pid])
      } finally {
        await engine.dispose()
      }
    },
  )
})
