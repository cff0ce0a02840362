/**
 * Speed and memory of the product with the demo model, through its own endpoint, as ratios within one run.
 * Bare loop and endpoint take turns, so that a machine whose speed drifts does not favour either.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { command, residentBytes, startServer, stopServer } from './server-process.ts'
import { median, spread } from './statistics.ts'
import { parallelStreams, streamReply, type Endpoint } from './streams.ts'

const root = join(import.meta.dirname, '..')
const rounds = 5
const replyTokens = 256
const question = 'Hello, I ordered a pair of boots last week with order number 20251103 and they have still not arrived, where are they?'

interface BareLoop {
  readonly prefillTokensPerSecond: number
  readonly decodeTokensPerSecond: number
  readonly millisecondsPerStep: number
}

function bareLoop(graph: string, prompt: number, tokens: number, context: number): BareLoop {
  const output = execFileSync(process.execPath, [join(root, 'src/main/inference/bare-loop.ts'), graph, '--prompt', String(prompt), '--tokens', String(tokens), '--context', String(context), '--provider', 'cpu'], { encoding: 'utf8' })
  return JSON.parse(output) as BareLoop
}

function endTokenIds(): number[] {
  const configuration = JSON.parse(readFileSync(join(root, 'resources/models/demo/generation_config.json'), 'utf8')) as { eos_token_id: number | number[] }
  return [configuration.eos_token_id].flat()
}

const home = mkdtempSync(join(tmpdir(), 'switchboard-bench-'))
try {
  // The first start builds the graph; what is measured is every start after it.
  await stopServer(await startServer(home))
  const readyMs: number[] = []
  for (let round = 0; round < 3; round += 1) {
    const server = await startServer(home)
    readyMs.push(server.readyMs)
    await stopServer(server)
  }

  const server = await startServer(home)
  const endpoint: Endpoint = { url: server.url, key: command(home, 'keys', 'create', 'bench').trim() }
  // Idle means: it has answered once and waits.
  const ends = endTokenIds()
  const warm = await streamReply(endpoint, question, 32, ends)
  const idleBytes = residentBytes(server.process.pid ?? 0)
  const cache = join(home, 'graphs')
  const graph = join(cache, readdirSync(cache).find((name) => /^[0-9a-f]{64}$/.test(name)) ?? '')

  const one: number[] = []
  const bare: number[] = []
  const ttft: number[] = []
  const ttftLimit: number[] = []
  const eight: number[] = []
  for (let round = 0; round < rounds; round += 1) {
    const alone = bareLoop(graph, warm.promptTokens, replyTokens, 1024)
    bare.push(alone.decodeTokensPerSecond)
    const reply = await streamReply(endpoint, question, replyTokens, ends)
    one.push(reply.tokensPerSecond)
    ttft.push(reply.ttftMs)
    ttftLimit.push(5 * alone.millisecondsPerStep + (warm.promptTokens / alone.prefillTokensPerSecond) * 1000)
    eight.push(await parallelStreams(endpoint, question, replyTokens, ends, 8))
  }
  await stopServer(server)

  const ratio = median(one.map((value, index) => value / (bare[index] ?? Number.NaN)))
  const batchRatio = median(eight.map((value, index) => value / (one[index] ?? Number.NaN)))
  const ttftRatio = median(ttft.map((value, index) => value / (ttftLimit[index] ?? Number.NaN)))
  const megabytes = idleBytes / 1e6
  const rows = [
    ['one stream, endpoint, tokens/s', spread(one), '', ''],
    ['one stream, bare step loop, tokens/s', spread(bare), '', ''],
    ['endpoint / bare step loop', ratio.toFixed(2), '>= 0.85', ratio >= 0.85],
    [`TTFT of a ${warm.promptTokens}-token prompt, ms`, spread(ttft, 2), '', ''],
    ['5 bare steps + bare prefill, ms', spread(ttftLimit, 2), '', ''],
    ['TTFT / (5 bare steps + prefill)', ttftRatio.toFixed(2), '<= 1', ttftRatio <= 1],
    ['8 streams together, tokens/s', spread(eight), '', ''],
    ['8 streams / one stream', batchRatio.toFixed(2), '>= 2', batchRatio >= 2],
    ['idle RSS of app and engine, MB', megabytes.toFixed(0), '<= 450', megabytes <= 450],
    ['warm serve to ready, s', spread(readyMs.map((ms) => ms / 1000), 2), '<= 3', median(readyMs) <= 3000],
  ] as const
  console.log(`${cpus().length} cores (${cpus()[0]?.model ?? 'unknown'}), ${rounds} rounds, replies of ${replyTokens} tokens; median (lowest to highest)`)
  const widest = Math.max(...rows.map(([name]) => name.length))
  for (const [name, value, target, holds] of rows) console.log(`${name.padEnd(widest)}  ${value.padEnd(28)}${target.padEnd(9)}${holds === '' ? '' : holds ? 'holds' : 'MISSED'}`)
  mkdirSync(join(import.meta.dirname, 'results'), { recursive: true })
  writeFileSync(join(import.meta.dirname, 'results/latest.json'), `${JSON.stringify({ replyTokens, rounds, one, bare, ttft, ttftLimit, eight, idleBytes, readyMs }, null, 2)}\n`)
  if (rows.some(([, , , holds]) => holds === false)) process.exitCode = 1
} finally {
  rmSync(home, { recursive: true, force: true })
}
