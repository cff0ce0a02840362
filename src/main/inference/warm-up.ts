import { StepCosts } from './costs/step-costs.ts'
import type { Decoder } from './runtime/decoder.ts'

/** A step should not take longer than this, so that a cancel is prompt and the heartbeat regular. */
const STEP_BUDGET_MS = 400

/** Tokens of the chunk that is measured first. */
const SAMPLE_TOKENS = 64

/** The chunk is never limited to fewer tokens. */
const MIN_CHUNK = 16

export interface WarmedUp {
  readonly costs: StepCosts
  /** Tokens of one chunk that this machine runs within {@link STEP_BUDGET_MS}. */
  readonly prefillChunk: number
  /** Time of one token for every slot and one longest chunk, ms. */
  readonly fullStepMs: number
}

/**
 * Runs chunks and steps once, so that the first customer does not wait for lazy initialisation, and measures them. The
 * chunk is a power of two, so that the same machine uses the same chunks after each start.
 * @throws SwitchboardError engine_fault, out_of_memory.
 */
export function warmUp(decoder: Decoder): WarmedUp {
  const costs = new StepCosts()
  const { prefillChunk, maxLength, slots } = decoder.shape
  const sample = Math.min(SAMPLE_TOKENS, prefillChunk, maxLength - 1)
  if (sample < 1) return { costs, prefillChunk, fullStepMs: 0 }

  const sampleMs = timeChunk(decoder, 0, sample)
  const short = Math.ceil(sample / 4)
  costs.recordPrefill(short, timeChunk(decoder, 0, short))
  costs.recordPrefill(sample, sampleMs)

  let spanMs = timeStep(decoder, 1)
  costs.recordDecode(1, spanMs)
  const span = Math.min(slots, decoder.maxSpan)
  if (span > 1) {
    spanMs = timeStep(decoder, span)
    if (span === slots) costs.recordDecode(slots, spanMs)
  }

  const affordable = 2 ** Math.floor(Math.log2(STEP_BUDGET_MS / (sampleMs / sample)))
  const maxChunk = Math.max(1, Math.min(prefillChunk, Math.max(MIN_CHUNK, affordable)))
  // The longest chunk behind the longest context takes the most working memory: now, while the load can still be
  // refused, and not in the middle of a reply.
  const maxChunkMs = timeChunk(decoder, maxLength - maxChunk, maxChunk)
  decoder.reset(0)
  return { costs, prefillChunk: maxChunk, fullStepMs: Math.ceil(maxChunkMs + Math.ceil(slots / span) * spanMs) }
}

/** Second of two runs of a chunk at a position of slot 0, ms: the runtime allocates memory for a new shape in both. */
function timeChunk(decoder: Decoder, position: number, tokens: number): number {
  const ids = new Int32Array(tokens)
  return secondRun(() => {
    // The content before the position is arbitrary, and so are the logits.
    decoder.filled[0] = position
    decoder.prefill(0, ids, 0, tokens, 'last')
  })
}

/** Second of two decode runs over `rows` idle slots, ms. */
function timeStep(decoder: Decoder, rows: number): number {
  const tokens = Array.from({ length: rows }, () => null)
  return secondRun(() => decoder.decode(0, tokens))
}

function secondRun(run: () => void): number {
  run()
  const started = performance.now()
  run()
  return performance.now() - started
}
