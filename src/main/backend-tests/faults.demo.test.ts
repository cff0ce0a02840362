/**
 * Faults F1, F15, F16 and F17 as programs see them, with the whole program and the real engine.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { EngineCommand, EngineEvent } from '../../shared/contracts/engine.ts'
import type { EngineStats } from '../../shared/domain/engine.ts'
import { launchChildProcess, type ProcessLauncher } from '../platform/child-process.ts'
import { processEntry } from '../platform/process-entry.ts'
import { findProductFiles } from '../platform/product-files.ts'
import { startRealEndpoint, type RealEndpoint } from './real-endpoint.ts'

/** Clients that leave in each phase, and the burst in multiples of the queue; SWITCHBOARD_FAULT_ROUNDS sets more. */
const ROUNDS = Number(process.env['SWITCHBOARD_FAULT_ROUNDS'] ?? 6)
const BURST = Math.max(10, ROUNDS)
const settings = { slots: 2, queueRequests: 8 }
const patience = { timeout: 60_000, interval: 20 }

/** What passed through the pipes to and from the engines. */
const wire = {
  pids: [] as number[],
  submitted: [] as string[],
  cancelled: new Set<string>(),
  answered: new Set<string>(),
}
const launch: ProcessLauncher = (options) => {
  const child = launchChildProcess(options)
  if (options.entry !== processEntry('engine')) return child
  if (child.pid !== undefined) wire.pids.push(child.pid)
  child.onMessage((message) => {
    const event = message as EngineEvent
    if (event.kind === 'outputs')
      for (const output of event.outputs) if (output.kind === 'tokens') wire.answered.add(output.requestId)
  })
  return {
    get pid() {
      return child.pid
    },
    send(message) {
      const command = message as EngineCommand
      if (command.kind === 'submit') wire.submitted.push(command.request.requestId)
      if (command.kind === 'cancel') wire.cancelled.add(command.requestId)
      child.send(message)
    },
    onMessage: child.onMessage,
    onExit: child.onExit,
    kill: child.kill,
    stderrTail: child.stderrTail,
  }
}

let endpoint: RealEndpoint
const leaving: AbortController[] = []
const startEndpoint = async (): Promise<void> => {
  endpoint = await startRealEndpoint({ settings, launch })
}
beforeAll(startEndpoint)
afterEach(() => {
  for (const each of leaving.splice(0)) each.abort()
})
afterAll(async () => {
  await endpoint.close()
  expect(wire.pids.filter(isAlive)).toEqual([])
})

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    // No process has this id.
    return false
  }
}

/** Bans the end tokens, so that each reply reaches its limit. */
const endless = ((): Record<string, number> => {
  const { eos_token_id: ends } = JSON.parse(
    readFileSync(join(findProductFiles().resources, 'models/demo/generation_config.json'), 'utf8'),
  ) as { readonly eos_token_id: number | readonly number[] }
  return Object.fromEntries([ends].flat().map((id) => [String(id), -100]))
})()

interface Answer {
  readonly status: number
  readonly retryAfter: string | null
  /** The body so far when the client left. */
  readonly text: string
}

const tokensIn = (text: string): number => text.split('"logprob":').length - 1

/** Streams one reply; `onText` gets the whole text so far with every piece. */
async function stream(
  extra: object,
  onText: (text: string) => void = () => undefined,
  signal = new AbortController().signal,
  key = endpoint.key,
): Promise<Answer> {
  let text = ''
  let status = 0
  let retryAfter: string | null = null
  try {
    const response = await fetch(`${endpoint.url}/v1/chat/completions`, {
      method: 'POST',
      signal,
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        messages: [{ role: 'user', content: 'Where is my order?' }],
        stream: true,
        temperature: 0,
        logprobs: true,
        logit_bias: endless,
        ...extra,
      }),
    })
    status = response.status
    retryAfter = response.headers.get('retry-after')
    const decoder = new TextDecoder()
    for await (const bytes of response.body ?? []) {
      text += decoder.decode(bytes, { stream: true })
      onText(text)
    }
  } catch (failure) {
    if (!signal.aborted) throw failure
  }
  return { status, retryAfter, text }
}

const leaver = (): AbortController => {
  const controller = new AbortController()
  leaving.push(controller)
  return controller
}
const stats = (): EngineStats | null => {
  const state = endpoint.backend.core.care.standard
  return state.kind === 'ready' ? state.stats : null
}
const idle = async (): Promise<void> => {
  await expect
    .poll(() => ({ ...stats(), open: endpoint.backend.server.counts.active }), patience)
    .toMatchObject({ running: 0, waiting: 0, freeSlots: settings.slots, open: 0 })
}
/** Calls back once the engine reports a running request. */
const whenRunning = (then: () => void): void => {
  const listening = endpoint.backend.core.engines.onChange(({ state }) => {
    if (state.kind !== 'ready' || state.stats.running === 0) return
    listening.dispose()
    then()
  })
}
const whole = (text: string): boolean => text.endsWith('data: [DONE]\n\n')
const lastEvent = (text: string): unknown =>
  JSON.parse(
    text
      .trim()
      .split('\n\n')
      .at(-1)
      ?.replace(/^data: /, '') ?? '',
  )

const errorCode = (text: string): string =>
  String((lastEvent(text) as { readonly error?: { readonly code?: string } }).error?.code)

const longPrompt = { messages: [{ role: 'user', content: 'Where is my order 4711234? '.repeat(60) }], max_tokens: 5 }
const LAST = 60
const phases = [
  ['while its prompt is computed', longPrompt, Infinity],
  ['at token 1', { max_tokens: 900 }, 1],
  ['at token 50', { max_tokens: 900 }, 50],
  ['at the last token', { max_tokens: LAST }, LAST],
] as const

describe('the engine is killed (F1)', () => {
  // An engine that crashes too often is not restarted, so each test starts with a fresh count.
  beforeEach(async () => {
    await endpoint.close()
    await startEndpoint()
  })
  test.each(phases)('%s: the reply reports it, and another engine answers the next one', async (phase, body, at) => {
    await idle()
    const pid = wire.pids.at(-1) ?? -1
    const kill = (): void => {
      if (isAlive(pid)) process.kill(pid, 'SIGKILL')
    }
    if (at === Infinity) whenRunning(kill)
    const { status, retryAfter, text } = await stream(body, (written) => {
      if (tokensIn(written) >= at) kill()
    })
    const outcome = whole(text) ? `${tokensIn(text)} tokens` : `${status}, ${retryAfter}: ${errorCode(text)}`
    // A status before the first token, an event of the stream after it; the last token may win the race.
    const expected = ['503, 2: engine_crashed', '200, null: engine_crashed']
    expect(phase === 'at the last token' ? [...expected, `${LAST} tokens`] : expected).toContain(outcome)
    let next: Answer | null = null
    while (next?.status !== 200) {
      next = await stream({ max_tokens: 3 })
      if (next.status !== 200)
        expect(next).toMatchObject({ status: 503, retryAfter: expect.stringMatching(/^[1-9]/) as string })
    }
    expect([whole(next.text), tokensIn(next.text), isAlive(pid)]).toEqual([true, 3, false])
    expect(wire.pids.at(-1)).not.toBe(pid)
  })
})

describe('a client leaves (F16)', () => {
  test.each(phases)(
    `%s, ${ROUNDS} times: its slot is free again`,
    { timeout: 60_000 + ROUNDS * 10_000 },
    async (_, body, at) => {
      for (let round = 0; round < ROUNDS; round += 1) {
        await idle()
        const client = leaver()
        if (at === Infinity) whenRunning(() => client.abort())
        const { text } = await stream(
          body,
          (written) => {
            if (tokensIn(written) >= at) client.abort()
          },
          client.signal,
        )
        expect(tokensIn(text)).toBeGreaterThanOrEqual(at === Infinity ? 0 : at)
      }
      await idle()
      expect(whole((await stream({ max_tokens: 3 })).text)).toBe(true)
    },
  )

  test(`while waiting, ${ROUNDS} times: its request never runs`, { timeout: 60_000 + ROUNDS * 10_000 }, async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      await idle()
      const before = wire.submitted.length
      const first = Array.from({ length: 4 }, leaver)
      const ahead = first.map(({ signal }) => stream({ max_tokens: 900 }, undefined, signal))
      await expect.poll(() => wire.submitted.length, patience).toBe(before + 4)
      const client = leaver()
      const waiting = stream({ max_tokens: 900 }, undefined, client.signal)
      await expect.poll(() => wire.submitted.length, patience).toBe(before + 5)
      const requestId = wire.submitted.at(-1) ?? ''
      client.abort()
      expect(tokensIn((await waiting).text)).toBe(0)
      await expect.poll(() => wire.cancelled.has(requestId), patience).toBe(true)
      for (const other of first) other.abort()
      await Promise.all(ahead)
      await idle()
      expect(wire.answered.has(requestId)).toBe(false)
    }
  })
})

describe('far more clients than there is room for (F15, F17)', () => {
  test(
    `${BURST} queues at once: each is answered whole or refused with Retry-After, most before any work`,
    { timeout: 600_000 },
    async () => {
      await idle()
      const before = wire.submitted.length
      const asked = BURST * (settings.slots + settings.queueRequests)
      const answers = await Promise.all(Array.from({ length: asked }, () => stream({ max_tokens: 300 })))
      const served = answers.filter(({ status }) => status === 200)
      const refused = answers.filter(({ status }) => status !== 200)
      for (const { text } of served) expect([whole(text), tokensIn(text)]).toEqual([true, 300])
      for (const { status, retryAfter, text } of refused) {
        expect({ status, retryAfter, body: lastEvent(text) }).toMatchObject({
          status: 503,
          retryAfter: expect.stringMatching(/^[1-9]/) as string,
          body: { error: { code: 'queue_full' } },
        })
      }
      expect(served.length).toBeGreaterThanOrEqual(settings.slots)
      expect(refused.length).toBeGreaterThan(0)
      // What never reached the engine was refused before its text was encoded.
      expect(wire.submitted.length - before).toBeLessThan(asked)
      await idle()
      expect(whole((await stream({ max_tokens: 3 })).text)).toBe(true)
    },
  )

  test('one key fills its share of the queue, and another key still gets a place', async () => {
    await idle()
    const { secret: key } = await endpoint.backend.core.storage.keys.create('newcomer')
    const crowded = new Promise<void>((resolve) => {
      const listening = endpoint.backend.core.engines.onChange(({ state }) => {
        // Three quarters of the queue are what one client may have.
        if (state.kind !== 'ready' || state.stats.waiting < (settings.queueRequests * 3) / 4) return
        listening.dispose()
        resolve()
      })
    })
    const greedy = Array.from({ length: 2 * (settings.slots + settings.queueRequests) }, leaver)
    const filling = greedy.map(({ signal }) => stream({ max_tokens: 900 }, undefined, signal))
    await crowded
    const { status, text } = await stream({ max_tokens: 3 }, undefined, undefined, key)
    expect([status, whole(text)]).toEqual([200, true])
    for (const each of greedy) each.abort()
    const refused = (await Promise.all(filling)).filter(({ status: answered }) => answered === 503)
    expect(refused.length).toBeGreaterThan(0)
    for (const answer of refused)
      expect(answer).toMatchObject({ retryAfter: expect.stringMatching(/^[1-9]/) as string })
  })
})
