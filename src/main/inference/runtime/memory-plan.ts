import type { GraphDescription, GraphFloats } from '../../../shared/contracts/graph.ts'
import type { LoweredLimits } from '../../../shared/domain/engine.ts'
import { SwitchboardError } from '../../../shared/errors/switchboard-error.ts'
import { kvBytes } from './kv-memory.ts'

/** The requested load of a graph. */
export interface MemoryWish {
  readonly description: GraphDescription
  /** Numbers of the graph to run. */
  readonly floats: GraphFloats
  readonly slots: number
  /** Positions per slot, at most those of the graph. */
  readonly contextLength: number
  /** Tokens of the longest prefill chunk. */
  readonly prefillChunk: number
  /** Logit rows of one chunk when a prompt is scored. */
  readonly scoreRows: number
}

/** Memory of a wish where the provider computes, bytes. */
export interface MemoryNeed {
  readonly weightBytes: number
  readonly kvBytes: number
  readonly workingBytes: number
  readonly totalBytes: number
}

export interface MemoryPlan {
  readonly slots: number
  readonly contextLength: number
  /** The wish, when less than it fits. */
  readonly lowered: LoweredLimits | null
}

/**
 * The process, the runtime and its arena, whatever the model. Together with the buffers below slightly more than was
 * measured for the 0.5B shape (under 300 MB beyond weights and filled KV).
 */
const RUNTIME_BYTES = 256 * 1024 ** 2

/**
 * Activations alive at once in a layer, in multiples of the hidden size: queries, keys, values, and three of the widest
 * MLP that is built.
 */
const ACTIVATION_WIDTHS = 24

/** The context is not shortened while there are more slots than this; one conversation at a time is the last resort. */
const FEW_SLOTS = 2

/** Minimum context: a support conversation with its instructions needs this much. */
const SHORT_CONTEXT = 2048
const CONTEXT_STEP = 1024

/**
 * Upper bound of the memory of a graph. Weights count once on every provider: a card gets its own copy, and on the CPU
 * the copy that the runtime packs for its kernels replaces the mapped pages, which the system can drop. Adapters are
 * not served yet.
 */
export function memoryNeed({
  description,
  floats,
  slots,
  contextLength,
  prefillChunk,
  scoreRows,
}: MemoryWish): MemoryNeed {
  const { weightBytes, vocabularySize, heads, hiddenSize } = description
  const kv = kvBytes({ slots, maxLength: contextLength, description, floats })
  const rows = Math.max(slots, Math.min(prefillChunk, contextLength))
  const logits = Math.max(slots, scoreRows) * vocabularySize * 4
  // The CPU kernel of GroupQueryAttention allocates scores over the whole context for each new token
  // (gqa_attention_base.h).
  const scores = rows * heads * contextLength * 4
  const workingBytes = RUNTIME_BYTES + logits + scores + rows * hiddenSize * ACTIVATION_WIDTHS * 4
  return { weightBytes, kvBytes: kv, workingBytes, totalBytes: weightBytes + kv + workingBytes }
}

/**
 * The largest part of a wish that fits: all of it, else fewer slots down to two, else a context shorter by whole
 * thousands down to 2048, else one slot. More memory never gives less of either. Pure.
 * @param freeBytes of the device; null when unknown: then nothing is lowered, and the device itself may refuse.
 * @throws SwitchboardError out_of_memory with the arithmetic, when even the minimum does not fit.
 */
export function planMemory(wish: MemoryWish, freeBytes: number | null): MemoryPlan {
  const { slots, contextLength } = wish
  if (freeBytes === null) return { slots, contextLength, lowered: null }
  let least = wish
  for (const step of lessAndLess(wish)) {
    least = { ...wish, ...step }
    if (memoryNeed(least).totalBytes > freeBytes) continue
    const whole = least.slots === slots && least.contextLength === contextLength
    return {
      ...step,
      lowered: whole ? null : { slots, contextLength, neededBytes: memoryNeed(wish).totalBytes, freeBytes },
    }
  }
  throw new SwitchboardError(
    'out_of_memory',
    `The model does not fit into memory, even with the least: ${arithmetic(least, freeBytes)} ${advice(least)}`,
  )
}

/** Each candidate needs less memory than the one before. */
function* lessAndLess({
  slots,
  contextLength,
}: MemoryWish): Generator<{ readonly slots: number; readonly contextLength: number }> {
  const fewSlots = Math.min(slots, FEW_SLOTS)
  const shortContext = Math.min(contextLength, SHORT_CONTEXT)
  for (let fewer = slots; fewer >= fewSlots; fewer -= 1) yield { slots: fewer, contextLength }
  for (
    let shorter = Math.ceil(contextLength / CONTEXT_STEP - 1) * CONTEXT_STEP;
    shorter >= shortContext;
    shorter -= CONTEXT_STEP
  )
    yield { slots: fewSlots, contextLength: shorter }
  if (fewSlots > 1) yield { slots: 1, contextLength: shortContext }
}

/**
 * Runs work that allocates the memory. An out_of_memory of the device gets the arithmetic added.
 * @throws SwitchboardError out_of_memory, and whatever the work throws.
 */
export function withArithmetic<T>(wish: MemoryWish, freeBytes: number | null, work: () => T): T {
  try {
    return work()
  } catch (failure) {
    if (!(failure instanceof SwitchboardError) || failure.code !== 'out_of_memory') throw failure
    throw new SwitchboardError(
      'out_of_memory',
      `Memory for the model was refused: ${arithmetic(wish, freeBytes)} ${advice(wish)} The device said: ${failure.message}`,
      { cause: failure },
    )
  }
}

function arithmetic(wish: MemoryWish, freeBytes: number | null): string {
  const need = memoryNeed(wish)
  const conversations = `${amount(need.kvBytes)} (${wish.slots} ${wish.slots === 1 ? 'slot' : 'slots'} of ${wish.contextLength} tokens)`
  return `weights ${amount(need.weightBytes)} + conversations ${conversations} + working memory ${amount(need.workingBytes)} = ${amount(need.totalBytes)}; free: ${freeBytes === null ? 'unknown' : amount(freeBytes)}.`
}

function advice({ description, slots }: MemoryWish): string {
  const size = description.precision === 'int4' ? 'a smaller model' : 'a smaller precision'
  return `What helps: ${size}, ${slots > 1 ? 'fewer parallel conversations, ' : ''}a shorter context, or closing other programs.`
}

function amount(bytes: number): string {
  const gigabytes = bytes / 1024 ** 3
  return gigabytes < 0.1 ? `${(gigabytes * 1024).toFixed(1)} MB` : `${gigabytes.toFixed(2)} GB`
}
