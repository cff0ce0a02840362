/** Rows F21 and F22 of the table of faults: a process that is started as the engine and misbehaves on the real pipe. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fakeLoadedModel } from '../../shared/contracts/engine.fake.ts'
import { EngineSupervisor } from '../engine-client/engine-supervisor.ts'
import { launchChildProcess, type ChildProcessHandle } from '../platform/child-process.ts'
import { MAX_FRAME_BYTES } from '../platform/frame-codec.ts'
import { testModel } from './random-model.ts'
import { isAlive, pidOf, reply, request } from './supervised-engine.ts'

/** Engines that write random bytes. SWITCHBOARD_FAULT_ROUNDS sets more. */
const RANDOM_ENGINES = Number(process.env['SWITCHBOARD_FAULT_ROUNDS'] ?? 24)
const AT_ONCE = 4
const VOCABULARY = fakeLoadedModel.vocabularySize

/** Source of an expression that misbehaves in the middle of a reply; `id` is the id of the request. */
const misdeeds = {
  'bytes that are no text': 'Buffer.from([0xff, 0xfe, 0x00, 0x80, 0x0a])',
  'a cut character inside a message': `Buffer.concat([Buffer.from('{"kind":"outputs","outputs":[{"kind":"tokens","requestId":"'), Buffer.from([0xe8, 0xae]), Buffer.from('","tokens":[{"id":1.5}]}]}\\n')])`,
  'a length of four gigabytes in front of nothing':
    'Buffer.concat([Buffer.from([0xff, 0xff, 0xff, 0xff]), Buffer.from("\\n")])',
  'a message without an end': `Buffer.alloc(${MAX_FRAME_BYTES + 1}, 'x')`,
  'a message nested too deeply': '"[".repeat(3_000_000) + "\\n"',
  'a message of no kind': 'line({ kind: "surprise" })',
  'a token beyond the vocabulary': `line(tokens({ id: ${VOCABULARY} }))`,
  'a token below it': 'line(tokens({ id: -1 }))',
  'a token between two': 'line(tokens({ id: 0.5 }))',
  'a log-probability that is no number': 'line(tokens({ id: 1, logprob: NaN }))',
  'NaN as JSON has none': `'{"kind":"outputs","outputs":[{"kind":"tokens","requestId":"' + id + '","tokens":[{"id":1,"logprob":NaN}]}]}\\n'`,
  'an error of no known code':
    'line({ kind: "outputs", outputs: [{ kind: "failed", requestId: id, error: { code: "constructor", message: "" } }] })',
  'that it starts, again': 'line({ kind: "hello", runtimeVersion: "1" })',
  'that it loaded, again': 'line({ kind: "loaded", loaded, stats })',
  'that it could not load what it has loaded':
    'line({ kind: "loadFailed", error: { code: "model_corrupt", message: "no" } })',
} as const

/** Loads and answers a request with one valid token; then it misbehaves as its argument says, or ends the reply. */
const source = `
  import { Socket } from 'node:net'
  import { FrameDecoder } from ${JSON.stringify(join(import.meta.dirname, '../platform/frame-codec.ts'))}
  const [, , misdeed, seed] = process.argv
  const stats = { running: 0, waiting: 0, slots: 4, freeSlots: 4, steps: 0, tokensPerSecond: 0 }
  const loaded = ${JSON.stringify(fakeLoadedModel)}
  const socket = new Socket({ fd: 3 })
  const line = (message) => JSON.stringify(message) + '\\n'
  const randomBytes = () => {
    let state = Number(seed)
    return Buffer.from(Array.from({ length: 5000 }, () => (state = (Math.imul(state, 1664525) + 1013904223) | 0) >>> 24))
  }
  const loop = () => { for (;;); }
  const answer = (id) => {
    const tokens = (...tokens) => ({ kind: 'outputs', outputs: [{ kind: 'tokens', requestId: id, tokens }] })
    socket.write(line(tokens({ id: 7 })), () => {
      if (misdeed === 'hang') loop()
      socket.write(misdeed === undefined
        ? line({ kind: 'outputs', outputs: [{ kind: 'done', requestId: id, finishReason: 'stop', completionTokens: 1, cachedTokens: 0, timings: { queueMs: 0, ttftMs: 0, totalMs: 0 } }] })
        : misdeed === 'random' ? randomBytes() : {${Object.entries(misdeeds)
          .map(([name, write]) => `${JSON.stringify(name)}: () => ${write}`)
          .join(', ')}}[misdeed]())
    })
  }
  const decoder = new FrameDecoder()
  socket.on('data', (bytes) => {
    for (const command of decoder.push(bytes).messages) {
      if (command.kind === 'load') socket.write(line({ kind: 'loaded', loaded, stats }))
      else if (command.kind === 'submit') answer(command.request.requestId)
      else if (command.kind === 'shutdown') process.exit(0)
    }
  })
  socket.on('close', () => process.exit(0))
  socket.on('error', () => process.exit(0))
  setInterval(() => socket.write(line({ kind: 'stats', stats })), 200)
  socket.write(line({ kind: 'hello', runtimeVersion: '1' }))
`

let directory: string
let entry: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'switchboard-rogue-'))
  entry = join(directory, 'rogue.ts')
  await writeFile(entry, source)
})
afterAll(async () => {
  await rm(directory, { recursive: true, force: true })
})

/** The first process misbehaves, the next one does not. */
async function survives(misdeed: string, seed = '0', silenceMs = 30_000): Promise<void> {
  const processes: ChildProcessHandle[] = []
  const engine = new EngineSupervisor({
    model: testModel(directory),
    entry,
    timings: { silenceMs },
    launch: (options) => {
      processes.push(launchChildProcess({ ...options, arguments: processes.length === 0 ? [misdeed, seed] : [] }))
      return processes.at(-1) as ChildProcessHandle
    },
  })
  try {
    await engine.start()
    const first = pidOf(engine)
    await expect(reply(engine, request('a'))).rejects.toMatchObject({
      code: 'engine_crashed',
      entry: { retryable: true },
    })
    expect([engine.state.kind, engine.active, isAlive(first)]).toEqual(['restarting', 0, false])
    await engine.ready()
    expect((await reply(engine, request('b'))).tokens).toEqual([{ id: 7 }])
    expect(processes).toHaveLength(2)
  } finally {
    await engine.dispose()
  }
}

describe('a process that is not an engine', () => {
  it.each(Object.keys(misdeeds))('is killed and replaced when it writes %s (F22)', async (misdeed) => {
    await survives(misdeed)
  })

  it(
    `is killed and replaced when it writes random bytes, ${RANDOM_ENGINES} times (F22)`,
    { timeout: 60_000 + RANDOM_ENGINES * 10_000 },
    async () => {
      for (let seed = 0; seed < RANDOM_ENGINES; seed += AT_ONCE) {
        await Promise.all(
          Array.from({ length: Math.min(AT_ONCE, RANDOM_ENGINES - seed) }, (_, more) =>
            survives('random', String(seed + more)),
          ),
        )
      }
    },
  )

  it('is killed and replaced when it computes for ever (F21)', async () => {
    await survives('hang', '0', 3000)
  })
})
