/**
 * Time per operator of a step, from ONNX Runtime's profiler: for one decode row, for 16 rows, and for a prefill chunk.
 * Beside them the limits of the machine: memory bandwidth for the weights, multiplications per second for the
 * processor.
 *
 *   npm run profile [-- --shape 0.5b|1.5b|tiny]
 *
 * The profiler itself takes some microseconds per operator.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { loadOrtApi } from '../src/main/inference/ort/api.ts'
import { findOrtLibrary } from '../src/main/inference/ort/library.ts'
import { OrtEnvironment, OrtSession } from '../src/main/inference/ort/session.ts'
import { Decoder } from '../src/main/inference/runtime/decoder.ts'
import { readGraphDescription } from '../src/main/inference/runtime/graph-description.ts'
import { physicalCores, sessionThreads } from '../src/main/inference/runtime/session-threads.ts'
import { graphFiles } from '../src/shared/contracts/graph.ts'
import { startBandwidthProbe } from './peers/memory-bandwidth.ts'
import { prepare } from './peers/prepare.ts'
import { shapeNamed } from './peers/shape.ts'
import { builtGraph, startServer, stopServer } from './server-process.ts'
import { median } from './statistics.ts'
import { keepResults, machine, printTable, type Row } from './table.ts'

const { values } = parseArgs({ options: { shape: { type: 'string', default: '0.5b' } } })
const shape = shapeNamed(values.shape)
const context = 256
const slots = 16
const steps = 24

/** One event of the runtime's trace (the Chrome trace format). */
interface TraceEvent {
  readonly cat: string
  readonly name: string
  /** µs */
  readonly dur: number
  readonly args: {
    readonly op_name?: string
    readonly input_type_shape?: readonly Readonly<Record<string, readonly number[]>>[]
  }
}

interface OperatorTime {
  readonly name: string
  readonly ms: number
  /** Bytes of weights read; 0 for operators without weights. */
  readonly bytes: number
  readonly multiplications: number
}

/** Time per operator type in one run. */
function operatorTimes(trace: readonly TraceEvent[], runs: number): OperatorTime[] {
  const found = new Map<string, { ms: number; bytes: number; multiplications: number }>()
  for (const { cat, name, dur, args } of trace) {
    if (cat !== 'Node' || !name.endsWith('_kernel_time') || args.op_name === undefined) continue
    // The matrix is packed when the session is created; its scales, [outputs, blocks], are still an input.
    const [first = [], scales = []] = (args.input_type_shape ?? []).map((input) => Object.values(input)[0] ?? [])
    const isProduct = args.op_name === 'MatMulNBits'
    const [outputs = 0, blocks = 0] = scales
    const inputs = first.at(-1) ?? 0
    const label = isProduct ? `MatMulNBits ${inputs} to ${outputs}` : args.op_name
    const entry = found.get(label) ?? { ms: 0, bytes: 0, multiplications: 0 }
    entry.ms += dur / 1000 / runs
    if (isProduct) {
      // 4-bit codes and a float32 scale per block.
      entry.bytes += (outputs * (inputs / 2 + blocks * 4)) / runs
      entry.multiplications +=
        (first.slice(0, -1).reduce((product, extent) => product * extent, 1) * inputs * outputs) / runs
    }
    found.set(label, entry)
  }
  return [...found].map(([name, entry]) => ({ name, ...entry })).toSorted((one, other) => other.ms - one.ms)
}

/** The operators of `runs` runs, in their own session. */
function profiled(
  graph: string,
  work: (decoder: Decoder) => void,
  runs: number,
  prepareRun: (decoder: Decoder) => void,
): { readonly operators: OperatorTime[]; readonly runMs: number } {
  const folder = mkdtempSync(join(tmpdir(), 'switchboard-profile-'))
  try {
    const description = readGraphDescription(graph)
    const { count, config } = sessionThreads(0, description.weightBytes, physicalCores())
    const session = OrtSession.load(environment, join(graph, graphFiles.float32), {
      threads: count,
      provider: { kind: 'cpu' },
      config,
      profileTo: join(folder, 'run'),
    })
    const decoder = new Decoder(session, {
      description,
      floats: 'float32',
      provider: 'cpu',
      slots,
      maxLength: 2 * context + steps,
      prefillChunk: context,
      scoreRows: 1,
    })
    prepareRun(decoder)
    const times: number[] = []
    for (let run = 0; run < runs; run += 1) {
      const started = performance.now()
      work(decoder)
      times.push(performance.now() - started)
    }
    decoder.dispose()
    session.dispose()
    const [file] = readdirSync(folder)
    const trace = JSON.parse(readFileSync(join(folder, file!), 'utf8')) as TraceEvent[]
    // The trace begins with preparing runs; only the last `runs` are measured.
    const ends = trace.flatMap((event, index) => (event.name === 'model_run' ? [index] : []))
    return { operators: operatorTimes(trace.slice((ends.at(-runs - 1) ?? -1) + 1), runs), runMs: median(times) }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const environment = new OrtEnvironment(loadOrtApi(findOrtLibrary()))
const { home } = await prepare(shape, { slots, contextLength: 2560 })
// The first start builds the graph and tidies the folder.
await stopServer(await startServer(home))
const graph = builtGraph(home)
const bandwidth = await startBandwidthProbe(availableParallelism())
const limit = await bandwidth.measure()
await bandwidth.stop()

const ids = Int32Array.from({ length: context }, (_, index) => 300 + ((index * 7919) % (shape.vocabulary - 400)))
const fill =
  (count: number) =>
  (decoder: Decoder): void => {
    for (let slot = 0; slot < count; slot += 1) decoder.prefill(slot, ids, 0, context, 'last')
  }
const decode =
  (count: number) =>
  (decoder: Decoder): void =>
    decoder.decode(
      0,
      Array.from({ length: count }, () => 500),
    )
const prefill = (decoder: Decoder): void => {
  decoder.reset(0)
  decoder.prefill(0, ids, 0, context, 'last')
}
const rows: Row[] = [{ name: 'memory bandwidth (memchr on every core), GB/s', value: (limit / 1e9).toFixed(1) }]
const figures: Record<string, unknown> = { bandwidthBytesPerSecond: limit }
for (const [name, work, prepared, runs] of [
  [`decode, 1 row at ${context}`, decode(1), fill(1), steps],
  [`decode, ${slots} rows at ${context}`, decode(slots), fill(slots), steps],
  [`prefill of ${context}`, prefill, prefill, 8],
] as const) {
  const { operators, runMs } = profiled(graph, work, runs, prepared)
  const sum = operators.reduce((total, { ms }) => total + ms, 0)
  rows.push({ name, value: `${runMs.toFixed(1)} ms a run, ${sum.toFixed(1)} in operators` })
  for (const { name: operator, ms, bytes, multiplications } of operators.filter(({ ms: time }) => time > sum / 200)) {
    const rates =
      bytes === 0
        ? ''
        : `, ${(bytes / ms / 1e6).toFixed(1)} GB/s of weights, ${(multiplications / ms / 1e6).toFixed(0)} G multiplications/s`
    rows.push({ name: `  ${operator}`, value: `${ms.toFixed(2)} ms, ${((100 * ms) / sum).toFixed(0)} %${rates}` })
  }
  figures[name] = { runMs, operators }
}
printTable(`Operators of a Qwen2.5-${shape.name} shape as int4, ${machine()}`, rows)
keepResults(`profile-${shape.name}`, rows, figures)
process.exit(process.exitCode ?? 0)
