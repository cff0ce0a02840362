/**
 * The step loop alone, for comparisons: prefill, then greedy decode, no process around it.
 *
 *   node src/main/inference/bare-loop.ts FOLDER [--batch 1] [--prompt 256] [--tokens 64] [--threads 0]
 *     [--context 1024] [--provider auto]
 *
 * Prints one line of JSON; rates are tokens per second over all rows.
 */
import { parseArgs } from 'node:util'
import type { EngineModel } from '../../shared/contracts/engine.ts'
import type { Provider } from '../../shared/domain/generation.ts'
import { loadEngine } from './load-engine.ts'
import { bestToken } from './sampling/sampler.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    batch: { type: 'string', default: '1' },
    prompt: { type: 'string', default: '256' },
    tokens: { type: 'string', default: '64' },
    threads: { type: 'string', default: '0' },
    context: { type: 'string', default: '1024' },
    provider: { type: 'string', default: 'auto' },
  },
})
const [directory] = positionals
if (directory === undefined) throw new TypeError('name the folder of a built graph')
const batch = Number(values.batch)
const prompt = Number(values.prompt)
const tokens = Number(values.tokens)
const model: EngineModel = {
  name: 'bare',
  graphDirectory: directory,
  policy: { prefer: values.provider as 'auto' | Provider, allowCpu: true },
  limits: { slots: batch, contextLength: Number(values.context), queueRequests: 0, queueTokens: 0, prefillChunk: 512 },
  threads: Number(values.threads),
}
const { decoder, loaded } = await loadEngine(model)
if (loaded.lowered !== null)
  throw new RangeError(`memory suffices for a batch of ${loaded.slots} and a context of ${loaded.contextLength}`)
const chunk = Math.min(512, decoder.shape.prefillChunk)
const ids = Int32Array.from({ length: prompt }, (_, index) => (index * 7919 + 13) % loaded.vocabularySize)
const current = Array.from({ length: batch }, () => 0)
const prefillStarted = performance.now()
for (let slot = 0; slot < batch; slot += 1) {
  decoder.reset(slot)
  for (let start = 0; start < prompt; start += chunk)
    decoder.prefill(slot, ids, start, Math.min(chunk, prompt - start), 'last')
  current[slot] = bestToken(decoder.logitRow(0))
}
const decodeStarted = performance.now()
for (let step = 0; step < tokens; step += 1) {
  for (let first = 0; first < batch; first += decoder.maxSpan) {
    const count = Math.min(decoder.maxSpan, batch - first)
    decoder.decode(first, current.slice(first, first + count))
    for (let row = 0; row < count; row += 1) current[first + row] = bestToken(decoder.logitRow(row))
  }
}
const ended = performance.now()
const rate = (count: number, ms: number): number => Math.round((count / ms) * 1e5) / 100
process.stdout.write(
  `${JSON.stringify({
    provider: loaded.provider,
    precision: loaded.precision,
    batch,
    prompt,
    tokens,
    loadMs: loaded.loadMs,
    prefillTokensPerSecond: rate(batch * prompt, decodeStarted - prefillStarted),
    decodeTokensPerSecond: rate(batch * tokens, ended - decodeStarted),
    millisecondsPerStep: Math.round(((ended - decodeStarted) / tokens) * 1000) / 1000,
    rssBytes: process.memoryUsage.rss(),
  })}\n`,
)
