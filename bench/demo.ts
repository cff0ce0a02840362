/**
 * Speed and memory of the product with the demo model, through its own endpoint, as ratios within one run.
 * Bare loop and endpoint alternate in many short rounds, and each ratio uses figures of one round, so that a change in
 * machine speed favours neither.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bareLoop, type BareLoop } from './bare-loop.ts'
import { builtGraph, command, residentBytes, startServer, stopServer } from './server-process.ts'
import { benchOptions } from './options.ts'
import { median, ratios, spread } from './statistics.ts'
import { parallelStreams, streamReply, type Endpoint, type StreamRequest } from './streams.ts'
import { endTokenIds } from './demo-model.ts'
import { atLeast, atMost, keepResults, machine, printTable, type Row } from './table.ts'

const { rounds } = benchOptions(process.argv.slice(2), { quick: 5, full: 15 })
const replyTokens = 128
const firstTokenRequests = 7

/** Prompts differ from the first word on, so that none is in the prefix cache. */
let order = 20_251_103
function question(tokens: number): StreamRequest {
  order += 7919
  return {
    model: 'demo',
    prompt: `Order ${order}: hello, I ordered a pair of boots last week and they have still not arrived, where are they?`,
    tokens,
    endTokenIds,
    // Compares the same steps with and without the rest of the program.
    speculation: false,
  }
}

/**
 * Median TTFT of a round, ms. The first request after a pause meets cold CPU caches, which measures the machine and not
 * the product, so it is discarded.
 */
async function timeToFirstToken(endpoint: Endpoint): Promise<number> {
  await streamReply(endpoint, question(4))
  const times: number[] = []
  for (let request = 0; request < firstTokenRequests; request += 1)
    times.push((await streamReply(endpoint, question(4))).ttftMs)
  return median(times)
}

const home = mkdtempSync(join(tmpdir(), 'switchboard-bench-'))
try {
  // The first start builds the graph; the starts after it are measured.
  await stopServer(await startServer(home))
  const readyMs: number[] = []
  for (let round = 0; round < 3; round += 1) {
    const server = await startServer(home)
    readyMs.push(server.readyMs)
    await stopServer(server)
  }

  const server = await startServer(home)
  const endpoint: Endpoint = { url: server.url, key: command(home, 'keys', 'create', 'bench').trim() }
  // Idle: it has answered once and has no request.
  const { promptTokens } = await streamReply(endpoint, question(32))
  const idleBytes = residentBytes(server.process.pid ?? 0)
  const graph = builtGraph(home)

  const one: number[] = []
  const bare: BareLoop[] = []
  const ttft: number[] = []
  const eight: number[] = []
  const measureBare = (): void =>
    void bare.push(bareLoop({ graph, prompt: promptTokens, tokens: replyTokens, context: 1024 }))
  const measureEndpoint = async (): Promise<void> => {
    ttft.push(await timeToFirstToken(endpoint))
    one.push((await streamReply(endpoint, question(replyTokens))).tokensPerSecond)
    eight.push(
      await parallelStreams(
        endpoint,
        Array.from({ length: 8 }, () => question(replyTokens)),
      ),
    )
  }
  for (let round = 0; round < rounds; round += 1) {
    // The order alternates, so that a falling CPU clock favours neither.
    if (round % 2 === 0) measureBare()
    await measureEndpoint()
    if (round % 2 === 1) measureBare()
  }
  await stopServer(server)

  const bareRate = bare.map((loop) => loop.decodeTokensPerSecond)
  const ttftLimit = bare.map(
    (loop) => 5 * loop.millisecondsPerStep + (promptTokens / loop.prefillTokensPerSecond) * 1000,
  )
  const endpointRatios = ratios(one, bareRate)
  const ttftRatios = ratios(ttft, ttftLimit)
  const eightRatios = ratios(eight, one)
  const megabytes = idleBytes / 1e6
  const rows: Row[] = [
    { name: 'one stream, endpoint, tokens/s', value: spread(one) },
    { name: 'one stream, bare step loop, tokens/s', value: spread(bareRate) },
    {
      name: 'endpoint / bare step loop',
      value: spread(endpointRatios, 2),
      target: atLeast(median(endpointRatios), 0.9),
    },
    { name: `TTFT of a ${promptTokens}-token prompt, ms`, value: spread(ttft, 2) },
    { name: '5 bare steps + bare prefill, ms', value: spread(ttftLimit, 2) },
    { name: 'TTFT / (5 bare steps + prefill)', value: spread(ttftRatios, 2), target: atMost(median(ttftRatios), 1) },
    { name: '8 streams together, tokens/s', value: spread(eight) },
    { name: '8 streams / one stream', value: spread(eightRatios, 2), target: atLeast(median(eightRatios), 2) },
    { name: 'idle RSS of app and engine, MB', value: megabytes.toFixed(0), target: atMost(megabytes, 320) },
    {
      name: 'warm serve to ready, s',
      value: spread(
        readyMs.map((ms) => ms / 1000),
        2,
      ),
      target: atMost(median(readyMs) / 1000, 2.5),
    },
  ]
  printTable(
    `Demo model. ${machine()}, ${rounds} rounds, replies of ${replyTokens} tokens; median (lowest to highest), ratios round by round`,
    rows,
  )
  keepResults('demo', rows, { replyTokens, rounds, one, bare, ttft, ttftLimit, eight, idleBytes, readyMs })
} finally {
  rmSync(home, { recursive: true, force: true })
}
