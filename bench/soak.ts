/**
 * Sustained load on the demo model through the endpoint: 16 streams, a fifth of them cut off by their caller at a random
 * point. Prints how much the engine's anonymous memory grew after the warm-up, and how many slots leaked.
 *
 *   npm run soak -- [--minutes 60]
 *
 * Exits with 1 after a failed reply, a leaked slot or an engine restart, and in runs of at least ten minutes also when
 * memory grew. `npm test` runs 30 seconds of it.
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
/** Tokens per slot. */
const contextLength = 1024
const abortShare = 0.2
/** Share of the run in which memory may still settle: heaps reach their size, each buffer is used once. */
const warmUpShare = 0.15
/** Shorter runs are all warm-up: memory growth is shown, but has no target. */
const MIN_JUDGED_MINUTES = 10
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

/** One caller: question after question until the time is up, some of them aborted midway. */
async function caller(endpoint: Endpoint, seed: number, untilMs: number, counts: Counts): Promise<void> {
  const random = seededRandom(seed)
  while (performance.now() < untilMs) {
    const abort = new AbortController()
    const gaveUp = random() < abortShare
    // Anywhere from before the first token to the middle of a long reply.
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
        // A dead server would refuse thousands of times per second.
        await wait(100)
      }
    } finally {
      clearTimeout(timer)
    }
  }
}

/** Token ids that share no prefix with another index. */
function longPrompt(index: number): number[] {
  return Array.from({ length: contextLength - 8 }, (_, position) => 300 + ((index * 31 + position * 7) % 2000))
}

/** A gauge from /metrics. */
async function gauge(endpoint: Endpoint, name: string): Promise<number> {
  const response = await fetch(`${endpoint.url}/metrics`, { headers: { authorization: `Bearer ${endpoint.key}` } })
  const text = await response.text()
  const value = new RegExp(`^switchboard_${name} (\\S+)$`, 'm').exec(text)?.[1]
  if (!response.ok || value === undefined) throw new Error(`/metrics has no ${name}: ${response.status}`)
  return Number(value)
}

/** Slots still taken after all replies have ended. */
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
 * Median of the last quarter minus the median of the first quarter after the warm-up: garbage collections make single
 * readings jump.
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
    // KV memory is taken when a conversation first reaches it, so each slot is filled to its end once.
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
      `${(bytes[0]! / 1e6).toFixed(1)} at the start, ${(bytes.at(-1)! / 1e6).toFixed(1)} at the end`
    const rows: Row[] = [
      { name: 'replies finished / aborted by the caller', value: `${counts.finished} / ${counts.aborted}` },
      { name: 'replies that failed', value: String(counts.failures.length), target: atMost(counts.failures.length, 0) },
      { name: 'engine restarts', value: String(restarts), target: atMost(restarts, 0) },
      { name: 'leaked slots', value: String(leaked), target: atMost(leaked, 0) },
      { name: 'RssAnon of the engine, MB', value: fromTo(readings.map(({ engineBytes }) => engineBytes)) },
      {
        name: 'its growth after the warm-up, MB',
        value: engineGrowth.toFixed(2),
        ...(minutes >= MIN_JUDGED_MINUTES ? { target: atMost(engineGrowth, 1) } : {}),
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
