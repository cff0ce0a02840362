/**
 * Switchboard against its peers on one machine, one model shape, in one run: llama.cpp through node-llama-cpp on a Q4_0
 * file, and the JavaScript API of onnxruntime-node used as transformers.js uses it. Weights are random, because speed
 * does not depend on them.
 *
 *   npm run bench -- --only peers [--quick] [--rounds N] [--shape 0.5b|1.5b|tiny]
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { kvBytes } from '../src/main/inference/runtime/kv-memory.ts'
import { graphFiles, type GraphDescription } from '../src/shared/contracts/graph.ts'
import { benchOptions } from './options.ts'
import { contextLength, startEngines, streams } from './peers/engines.ts'
import { measureRound, type Round } from './peers/measures.ts'
import { kvBytesPerToken, rotaryBytes, shapeNamed } from './peers/shape.ts'
import { median, ratios, spread } from './statistics.ts'
import { atLeast, atMost, keepResults, machine, printTable, type Row, type Target } from './table.ts'

const { rounds, shape: shapeName } = benchOptions(process.argv.slice(2), { quick: 2, full: 9 })
const shape = shapeNamed(shapeName)

/** Ratio of the medians, with the spread of the ratios per round. */
function compared(
  name: string,
  above: readonly number[],
  below: readonly number[],
  target: (ratio: number) => Target,
): Row {
  const ratio = median(above) / median(below)
  const each = ratios(above, below)
  return {
    name,
    value: `${ratio.toFixed(2)} (${Math.min(...each).toFixed(2)} to ${Math.max(...each).toFixed(2)})`,
    target: target(ratio),
  }
}

const engines = await startEngines(shape)
try {
  // After one reply everything lazy is initialised, and one conversation's KV is filled.
  await engines.ours(engines.prompt(1900), 16)
  const early = engines.engineMemory()
  const measured: Round[] = []
  const failures: string[] = []
  for (let round = 0; round < rounds; round += 1) {
    const startedMs = performance.now()
    try {
      measured.push(await measureRound(engines, round))
      console.error(`round ${round + 1} of ${rounds}: ${((performance.now() - startedMs) / 1000).toFixed(0)} s`)
    } catch (failure) {
      // The other rounds still count; the table shows the number of failed ones.
      failures.push(String(failure))
      console.error(`round ${round + 1} of ${rounds} failed: ${String(failure)}`)
    }
  }
  if (measured.length === 0) throw new Error(`no round could be measured: ${failures.at(-1)}`)
  const late = engines.engineMemory()
  const description = JSON.parse(readFileSync(join(engines.graph, graphFiles.description), 'utf8')) as GraphDescription
  const weightsRead = description.weightBytes - rotaryBytes(shape)
  const reserved = kvBytes({ slots: streams, maxLength: contextLength, description, floats: 'float32' })
  const all = (name: { [Name in keyof Round]: Round[Name] extends number ? Name : never }[keyof Round]): number[] =>
    measured.map((round) => round[name])
  const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(0)

  const rows: Row[] = [
    { name: 'decode at 256, ours through HTTP, tokens/s', value: spread(all('ours256')) },
    { name: 'decode at 256, bare step loop, tokens/s', value: spread(all('bare256')) },
    { name: 'decode at 256, llama.cpp, tokens/s', value: spread(all('llama256')) },
    compared('  ours / llama.cpp', all('ours256'), all('llama256'), (ratio) => atLeast(ratio, 1.2)),
    compared('  ours through HTTP / bare step loop', all('ours256'), all('bare256'), (ratio) => atLeast(ratio, 0.95)),
    { name: 'decode at 1900, ours, tokens/s', value: spread(all('ours1900')) },
    { name: 'decode at 1900, JS API, tokens/s', value: spread(all('jsApi1900')) },
    compared('  ours / JS API', all('ours1900'), all('jsApi1900'), (ratio) => atLeast(ratio, 2)),
    compared('  ours at 1900 / ours at 256', all('ours1900'), all('ours256'), (ratio) => atLeast(ratio, 0.75)),
    {
      name: 'weights read while decoding, GB/s',
      value: spread(all('ours256').map((rate) => (rate * weightsRead) / 1e9)),
    },
    {
      name: 'memory bandwidth (memchr on every core), GB/s',
      value: spread(all('bandwidthBytesPerSecond').map((rate) => rate / 1e9)),
    },
    compared(
      '  weights read / memory bandwidth',
      all('ours256').map((rate) => rate * weightsRead),
      all('bandwidthBytesPerSecond'),
      (ratio) => atLeast(ratio, 0.75),
    ),
    { name: 'prefill of 1024, ours, tokens/s', value: spread(all('oursPrefill1024')) },
    { name: 'prefill of 1024, llama.cpp, tokens/s', value: spread(all('llamaPrefill1024')) },
    compared('  ours / llama.cpp', all('oursPrefill1024'), all('llamaPrefill1024'), (ratio) => atLeast(ratio, 1)),
    { name: `${streams} streams decoding, ours, tokens/s in total`, value: spread(all('oursBatch')) },
    { name: `${streams} streams decoding, llama.cpp, tokens/s in total`, value: spread(all('llamaBatch')) },
    compared('  ours / llama.cpp', all('oursBatch'), all('llamaBatch'), (ratio) => atLeast(ratio, 2)),
    compared(`  ${streams} streams / one stream, ours`, all('oursBatch'), all('oursSingle'), (ratio) =>
      atLeast(ratio, 3.5),
    ),
    { name: '8 streams decode, a 512-token prompt comes: median gap, ms', value: spread(all('stallMedianMs')) },
    { name: '  p99 gap, ms', value: spread(all('stallP99Ms')) },
    compared('  p99 gap / median gap', all('stallP99Ms'), all('stallMedianMs'), (ratio) => atMost(ratio, 2.5)),
    { name: '  TTFT of the prompt, ms', value: spread(all('stallTtftMs'), 0) },
    compared('  its TTFT / alone', all('stallTtftMs'), all('aloneTtftMs'), (ratio) => atMost(ratio, 2)),
    { name: 'conversation of 1500 tokens: TTFT of the first turn, ms', value: spread(all('firstTurnMs'), 0) },
    { name: '  TTFT of the second turn, ms', value: spread(all('secondTurnMs'), 0) },
    { name: '  tokens of it that were cached', value: spread(all('secondTurnCached'), 0) },
    compared('  second turn / first turn', all('secondTurnMs'), all('firstTurnMs'), (ratio) => atMost(ratio, 0.15)),
  ]
  if (engines.offersSpeculation) {
    const off = measured.map(({ quoteOff }) => quoteOff ?? Number.NaN)
    const on = measured.map(({ quoteOn }) => quoteOn ?? Number.NaN)
    rows.push(
      { name: 'reply that quotes the prompt, speculation off, tokens/s', value: spread(off) },
      { name: '  speculation on, tokens/s', value: spread(on) },
      compared('  on / off', on, off, (ratio) => atLeast(ratio, 1.5)),
    )
  }
  const allowed = description.weightBytes + reserved + 300e6
  // Most of the reserved KV is never touched, which makes the row above easy; this one counts only what is filled.
  const used = early.peak - description.weightBytes - 1916 * kvBytesPerToken(shape)
  rows.push(
    {
      name: `peak RSS of the engine, MB (weights ${megabytes(description.weightBytes)}, KV reserved ${megabytes(reserved)})`,
      value: megabytes(late.peak),
    },
    {
      name: '  peak / (weights + KV + 300 MB)',
      value: (late.peak / allowed).toFixed(2),
      target: atMost(late.peak / allowed, 1),
    },
    { name: '  after one reply, beyond weights and the KV it filled, MB', value: megabytes(used) },
  )
  rows.push({
    name: 'the bare step loop at the end of a round / at its start: noise of the machine',
    value: spread(ratios(all('bare256Again'), all('bare256')), 2),
  })
  if (failures.length > 0)
    rows.push({ name: 'rounds that failed', value: String(failures.length), target: atMost(failures.length, 0) })
  printTable(
    `Qwen2.5-${shape.name} shape, int4 (llama.cpp: Q4_0), random weights. ${machine()}, ${measured.length} rounds; median (lowest to highest), ratios of medians (of single rounds)`,
    rows,
  )
  keepResults(`peers-${shape.name}`, rows, {
    rounds: measured,
    failures,
    weightBytes: description.weightBytes,
    kvReservedBytes: reserved,
    memoryEarly: early,
    memoryLate: late,
  })
} finally {
  await engines.stop()
}
