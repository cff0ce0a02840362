/**
 * Hours under load, against the demo model through the endpoint: 16 streams, a fifth of them cut off by their caller at
 * a
 * random point. Prints what the engine's own memory grew by after the warm-up and how many slots were not given back.
 *
 *   npm run soak -- [--minutes 60]
 *
 * A failed reply, a lost slot or an engine restart ends it with 1; so does growth, in runs long enough to tell. The
 * build
 * server runs three minutes of it.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { openStorage } from '../src/main/storage/storage.ts'
import { endTokenIds } from './demo-model.ts'
import { command, engineMemory, processTree, startServer, stopServer, type RunningServer } from './server-process.ts'
import { seededRandom } from './seeded-random.ts'
import { median } from './statistics.ts'
import { streamReply, type Endpoint } from './streams.ts'
import { atMost, keepResults, machine, printTable, type Row } from './table.ts'

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '60' } } })
const minutes = Number(values.minutes)
if (!(minutes > 0)) throw new RangeError(`--minutes ${values.minutes} is not a positive number`)

const streams = 16
/** Tokens of a conversation. */
const contextLength = 1024
const abortShare = 0.2
/** Share of the run in which memory may still settle: heaps find their size, every buffer is used once. */
const warmUpShare = 0.15
/** Shorter runs are warm-up from end to end: their growth is shown, not judged. */
const judgedMinutes = 10
const samples = 400

const questions = [
  'Where is my order?',
  'How long do I have to return boots that do not fit?',
  'Do you ship to Spain, and what does it cost?',
  '我的包裹三天没有更新了，怎么办？',
  '¿Puedo cambiar la talla después de comprar?',
  'The box arrived open and one cup is broken. What do I have to do to get a new one?',
]

interface Counts {
  finished: number
  aborted: number
  readonly failures: string[]
}

/** One caller: question after question until the time is up, some of them given up midway. */
async function caller(endpoint: Endpoint, seed: number, untilMs: number, counts: Counts): Promise<void> {
  const random = seededRandom(seed)
  while (performance.now() < untilMs) {
    const abort = new AbortController()
    const gaveUp = random() < abortShare
    // From before the first token to the middle of a long reply.
    const timer = gaveUp ? setTimeout(() => abort.abort(), random() * 1500) : undefined
    const question = questions[Math.floor(random() * questions.length)]!
    try {
      await streamReply(endpoint, {
        model: 'demo',
        prompt: `${Math.floor(random() * 1e6)}: ${question}`,
        tokens: 16 + Math.floor(random() * 240),
        signal: abort.signal,
      })
      counts.finished += 1
    } catch (failure) {
      if (abort.signal.aborted) counts.aborted += 1
      else {
        counts.failures.push(String(failure))
        // A server that is gone refuses thousands of times a second.
        await wait(100)
      }
    } finally {
      clearTimeout(timer)
    }
  }
}

/** Nothing that another of them begins with. */
function longPrompt(index: number): number[] {
  return Array.from({ length: contextLength - 8 }, (_, position) => 300 + ((index * 31 + position * 7) % 2000))
}

/** The engine's own word, from /metrics. */
async function gauge(endpoint: Endpoint, name: string): Promise<number> {
  const response = await fetch(`${endpoint.url}/metrics`, { headers: { authorization: `Bearer ${endpoint.key}` } })
  const text = await response.text()
  const value = new RegExp(`^switchboard_${name} (\\S+)$`, 'm').exec(text)?.[1]
  if (!response.ok || value === undefined) throw new Error(`/metrics has no ${name}: ${response.status}`)
  return Number(value)
}

/** Slots that stay taken though nobody waits for a reply any more. */
async function leakedSlots(endpoint: Endpoint, all: number): Promise<number> {
  let free = await gauge(endpoint, 'engine_free_slots')
  for (let attempt = 0; attempt < 50 && free < all; attempt += 1) {
    await wait(200)
    free = await gauge(endpoint, 'engine_free_slots')
  }
  return all - free
}

interface Sample {
  readonly atMs: number
  readonly engineBytes: number
  readonly appBytes: number
  readonly enginePid: number
}

function sample(server: RunningServer): Sample {
  const engine = engineMemory(server)
  const [app] = processTree(server.process.pid ?? 0)
  return {
    atMs: performance.now(),
    engineBytes: engine.anonymous,
    appBytes: app?.anonymous ?? 0,
    enginePid: engine.pid,
  }
}

/**
 * Median of the last quarter less the median of the first quarter after the warm-up: collections make single readings
 * jump.
 */
function growth(all: readonly Sample[], bytes: (sample: Sample) => number): number {
  const settled = all.slice(Math.floor(all.length * warmUpShare))
  const quarter = Math.max(1, Math.floor(settled.length / 4))
  return median(settled.slice(-quarter).map(bytes)) - median(settled.slice(0, quarter).map(bytes))
}

const home = mkdtempSync(join(tmpdir(), 'switchboard-soak-'))
try {
  const storage = await openStorage({ path: join(home, 'switchboard.db'), builtInAssistants: [], workers: false })
  await storage.settings.update({ slots: streams, contextLength, providers: { prefer: 'cpu', allowCpu: true } })
  await storage.dispose()
  const server = await startServer(home)
  try {
    const endpoint: Endpoint = { url: server.url, key: command(home, 'keys', 'create', 'soak').trim() }
    // Keys and values take memory when a conversation first reaches them: each slot is filled to its end once.
    await Promise.all(
      Array.from({ length: streams }, (_, index) =>
        streamReply(endpoint, { model: 'demo', prompt: longPrompt(index), tokens: 8, endTokenIds }),
      ),
    )
    const startedMs = performance.now()
    const untilMs = startedMs + minutes * 60_000
    const counts: Counts = { finished: 0, aborted: 0, failures: [] }
    const readings: Sample[] = []
    const every = Math.max(250, (minutes * 60_000) / samples)
    const callers = Promise.all(
      Array.from({ length: streams }, (_, index) => caller(endpoint, index + 1, untilMs, counts)),
    )
    while (performance.now() < untilMs) {
      await wait(Math.max(0, Math.min(every, untilMs - performance.now())))
      readings.push(sample(server))
    }
    await callers
    const leaked = await leakedSlots(endpoint, streams)
    const restarts = new Set(readings.map(({ enginePid }) => enginePid)).size - 1
    const engineGrowth = growth(readings, ({ engineBytes }) => engineBytes) / 1e6
    const appGrowth = growth(readings, ({ appBytes }) => appBytes) / 1e6
    const fromTo = (bytes: readonly number[]): string =>
      `${(bytes[0]! / 1e6).toFixed(1)} at first, ${(bytes.at(-1)! / 1e6).toFixed(1)} at the end`
    const rows: Row[] = [
      { name: 'replies finished / given up by the caller', value: `${counts.finished} / ${counts.aborted}` },
      { name: 'replies that failed', value: String(counts.failures.length), target: atMost(counts.failures.length, 0) },
      { name: 'engine restarts', value: String(restarts), target: atMost(restarts, 0) },
      { name: 'slots not given back', value: String(leaked), target: atMost(leaked, 0) },
      { name: 'RssAnon of the engine, MB', value: fromTo(readings.map(({ engineBytes }) => engineBytes)) },
      {
        name: 'its growth after the warm-up, MB',
        value: engineGrowth.toFixed(2),
        ...(minutes >= judgedMinutes ? { target: atMost(engineGrowth, 1) } : {}),
      },
      { name: 'RssAnon of the app, MB', value: fromTo(readings.map(({ appBytes }) => appBytes)) },
      { name: 'its growth after the warm-up, MB', value: appGrowth.toFixed(2) },
    ]
    printTable(`Soak: demo model, ${machine()}, ${streams} streams for ${minutes} min`, rows)
    for (const failure of [...new Set(counts.failures)].slice(0, 5)) console.log(failure)
    keepResults('soak', rows, { minutes, streams, ...counts, readings })
  } finally {
    await stopServer(server)
  }
} finally {
  rmSync(home, { recursive: true, force: true })
}
