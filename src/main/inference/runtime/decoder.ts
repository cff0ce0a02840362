import type { Disposable } from '../../../shared/base/disposable.ts'
import { RecentlyUsed } from '../../../shared/base/recently-used.ts'
import type { AdapterRow } from '../../../shared/contracts/engine.ts'
import { graphInputs, graphOutputs, type GraphDescription, type GraphFloats } from '../../../shared/contracts/graph.ts'
import type { Provider } from '../../../shared/domain/generation.ts'
import { SwitchboardError } from '../../../shared/errors/switchboard-error.ts'
import { OrtIoBinding, OrtMemoryInfo, OrtRunOptions, OrtValue, type OrtSession } from '../ort/session.ts'
import { createKvMemory, type KvMemory } from './kv-memory.ts'
import { InputBuffer, stepInputs, type ChunkLogits, type RunRow, type RunShape, type StepInput } from './step-inputs.ts'

/**
 * Bound runs kept per slot, for decode spans and for chunk lengths each. Last chunks have any length, and a bound run
 * takes native memory for each layer.
 */
const MAX_BOUND_RUNS = 8

export interface DecoderShape {
  readonly description: GraphDescription
  /** Numbers of the graph that the session holds. */
  readonly floats: GraphFloats
  readonly provider: Provider
  readonly slots: number
  /** Positions per slot. */
  readonly maxLength: number
  /** Tokens of the longest prefill chunk. */
  readonly prefillChunk: number
  /** Logit rows of one chunk when a prompt is scored. */
  readonly scoreRows: number
}

const NO_ADAPTERS: readonly AdapterRow[] = []

/** Tensors of one run, made once per span or chunk length. */
interface BoundRun {
  readonly binding: OrtIoBinding
  /** Tensors that belong to this run alone. */
  readonly values: readonly OrtValue[]
  readonly inputs: readonly (readonly [name: string, value: OrtValue])[]
}

/**
 * Runs the graph over KV slots. There are two kinds of run, because GroupQueryAttention takes several new tokens behind
 * a past for a batch of one row only (a refused run can leave a session unusable, so shapes are checked here):
 *
 * - decode: one new token for each row of a contiguous span of slots;
 * - prefill: several new tokens for one slot.
 *
 * Idle rows. A span may cover slots that do not decode in this step. Such a row still computes one token and writes one
 * KV position, so it gets token 0 at the first position its slot has not filled (`filled`): a slot in the middle of its
 * prefill is written where its next chunk starts, a free slot behind what it keeps for the next request. The next chunk
 * overwrites either before anything reads it, since a row reads only positions below its own length. In a full slot the
 * last position is overwritten, which no prompt can reuse without running it again. A prefill has no idle rows.
 *
 * Tensors over fixed buffers are bound once per span and used for every step.
 */
export class Decoder implements Disposable {
  readonly shape: DecoderShape
  readonly kvBytes: number
  /** Rows one decode may have. */
  readonly maxSpan: number
  /** Filled positions per slot: how many KV entries a later token of this slot may read. */
  readonly filled: Int32Array
  readonly #session: OrtSession
  readonly #runOptions: OrtRunOptions
  readonly #cpu: OrtMemoryInfo
  readonly #kv: KvMemory
  readonly #inputs: readonly InputBuffer[]
  readonly #spans: RecentlyUsed<number, BoundRun>
  readonly #chunks: RecentlyUsed<string, BoundRun>
  readonly #slotViews = new Map<number, OrtValue[]>()
  readonly #logits: Float32Array

  /** @param inputs of the graph that change with every run. */
  constructor(session: OrtSession, shape: DecoderShape, inputs: readonly StepInput[] = stepInputs) {
    const { slots, maxLength, prefillChunk, scoreRows, description, floats } = shape
    if (maxLength > description.maxPositions)
      throw new RangeError(`maxLength ${maxLength} exceeds the graph's ${description.maxPositions} positions`)
    this.shape = shape
    this.#session = session
    this.#spans = new RecentlyUsed(MAX_BOUND_RUNS * slots, release)
    this.#chunks = new RecentlyUsed(MAX_BOUND_RUNS * slots, release)
    this.#runOptions = new OrtRunOptions(session.api)
    this.#cpu = OrtMemoryInfo.cpu(session.api)
    this.#kv = createKvMemory(session, shape.provider, { slots, maxLength, description, floats })
    this.kvBytes = this.#kv.bytes
    this.maxSpan = this.#kv.maxSpan
    // Memory behind handles is allocated with the first view: now, while the load can still be refused, and not in the
    // middle of a reply.
    if (this.maxSpan < slots) this.#takeAllViews()
    this.filled = new Int32Array(slots)
    this.#inputs = inputs.map((input) => new InputBuffer(input, { slots, prefillChunk }))
    this.#logits = new Float32Array(new ArrayBuffer(Math.max(slots, scoreRows, 1) * description.vocabularySize * 4))
  }

  /**
   * One new token for each slot of a span. Row r of {@link logitRow} then belongs to slot first + r, until the next run.
   * @param tokens one per slot from `first` on; null for a slot that does not decode.
   * @param adapters of each row.
   * @throws RangeError outside the shape; SwitchboardError engine_fault, out_of_memory.
   */
  decode(first: number, tokens: readonly (number | null)[], adapters: readonly (readonly AdapterRow[])[] = []): void {
    const count = tokens.length
    const { slots, maxLength } = this.shape
    if (first < 0 || count < 1 || first + count > slots || count > this.maxSpan)
      throw new RangeError(`decode over slots ${first} to ${first + count - 1} of ${slots}`)
    for (const [row, token] of tokens.entries()) {
      const filled = this.filled[first + row] ?? 0
      if (token !== null && filled >= maxLength) throw new RangeError(`slot ${first + row} is full`)
      this.#write({
        row,
        ids: [this.#checkedId(token ?? 0)],
        start: 0,
        sequence: 1,
        // A full idle slot rewrites its last position, which nothing reads again.
        past: Math.min(filled, maxLength - 1),
        logits: 'last',
        adapters: adapters[row] ?? NO_ADAPTERS,
      })
    }
    this.#run(this.#span(first, count))
    for (const [row, token] of tokens.entries())
      if (token !== null) this.filled[first + row] = (this.filled[first + row] ?? 0) + 1
  }

  /**
   * The next tokens of one slot: ids [start, start + count).
   * @param logits `none`: the head is not run; `last`: one row, of the last token; `all`: one row per token (at most
   *   `scoreRows` tokens).
   * @throws RangeError outside the shape; SwitchboardError engine_fault, out_of_memory.
   */
  prefill(
    slot: number,
    ids: ArrayLike<number>,
    start: number,
    count: number,
    logits: ChunkLogits,
    adapters: readonly AdapterRow[] = NO_ADAPTERS,
  ): void {
    const { slots, maxLength, prefillChunk, scoreRows, provider } = this.shape
    const past = this.filled[slot] ?? 0
    if (slot < 0 || slot >= slots || count < 1 || count > prefillChunk || past + count > maxLength)
      throw new RangeError(`prefill of ${count} tokens at ${past} in slot ${slot}`)
    if (logits === 'all' && count > scoreRows)
      throw new RangeError(`${count} logit rows where ${scoreRows} are allowed`)
    for (let offset = 0; offset < count; offset += 1) this.#checkedId(ids[start + offset] ?? -1)
    this.#write({ row: 0, ids, start, sequence: count, past, logits, adapters })
    // Tensors without rows were never tried on devices: there the head runs for one row that is not read.
    const rows = logits === 'all' ? count : logits === 'none' && provider === 'cpu' ? 0 : 1
    this.#run(this.#chunk(slot, count, rows))
    this.filled[slot] = past + count
  }

  /** Logits of one row of the last run, float32 [vocabulary]; a view that the next run overwrites. */
  logitRow(row: number): Float32Array {
    const { vocabularySize } = this.shape.description
    return this.#logits.subarray(row * vocabularySize, (row + 1) * vocabularySize)
  }

  /**
   * Keeps the first `positions` of a slot; the next run overwrites the rest.
   * @throws RangeError when the slot holds fewer.
   */
  keep(slot: number, positions: number): void {
    if (positions > 0 && positions > Math.min(this.filled[slot] ?? 0, this.shape.maxLength - 1))
      throw new RangeError(`slot ${slot} does not hold ${positions} positions`)
    this.filled[slot] = positions
  }

  /** Whether KV can be copied from slot to slot. */
  get copiesPrefixes(): boolean {
    return this.#kv.copy !== null
  }

  /**
   * Gives slot `to` the first `positions` of slot `from`, which may be in use.
   * @throws RangeError when `from` holds fewer, or the memory cannot be copied.
   */
  copyPrefix(from: number, to: number, positions: number): void {
    const { copy } = this.#kv
    if (copy === null || from === to || positions > Math.min(this.filled[from] ?? 0, this.shape.maxLength - 1))
      throw new RangeError(`slot ${from} cannot give ${positions} positions to slot ${to}`)
    copy(from, to, positions)
    this.filled[to] = positions
  }

  /** Drops the content of a slot; the next prompt overwrites its memory. */
  reset(slot: number): void {
    this.filled[slot] = 0
  }

  dispose(): void {
    this.#spans.clear()
    this.#chunks.clear()
    for (const values of this.#slotViews.values()) for (const value of values) value.dispose()
    this.#slotViews.clear()
    this.#kv.dispose()
    this.#cpu.dispose()
    this.#runOptions.dispose()
  }

  #write(row: RunRow): void {
    for (const { write } of this.#inputs) write(row)
  }

  #run({ binding, inputs }: BoundRun): void {
    const onDevice = this.shape.provider !== 'cpu'
    // A device session copies an input when it is bound, so that a changed buffer must be bound again; the CPU reads the
    // buffer itself.
    if (onDevice) for (const [name, value] of inputs) binding.input(name, value)
    this.#session.run(binding, this.#runOptions)
    if (onDevice) binding.synchronizeOutputs()
  }

  #checkedId(id: number): number {
    if (!Number.isInteger(id) || id < 0 || id >= this.shape.description.vocabularySize)
      throw new SwitchboardError(
        'invalid_request',
        `token id ${id} is outside the vocabulary of ${this.shape.description.vocabularySize}`,
      )
    return id
  }

  #span(first: number, count: number): BoundRun {
    return this.#spans.get(first * this.shape.slots + count - 1, () => {
      const kv = count === 1 ? this.#slotView(first) : this.#kv.view(first, count)
      return this.#bind(kv, count > 1, { batch: count, sequence: 1, logitRows: count })
    })
  }

  #chunk(slot: number, count: number, logitRows: number): BoundRun {
    return this.#chunks.get(`${slot} ${count} ${logitRows}`, () =>
      this.#bind(this.#slotView(slot), false, { batch: 1, sequence: count, logitRows }),
    )
  }

  #takeAllViews(): void {
    try {
      for (let slot = 0; slot < this.shape.slots; slot += 1) this.#slotView(slot)
    } catch (failure) {
      this.dispose()
      throw failure
    }
  }

  /** The one view of a single slot, shared by its decode and its prefill runs. */
  #slotView(slot: number): OrtValue[] {
    const known = this.#slotViews.get(slot)
    if (known !== undefined) return known
    const made = this.#kv.view(slot, 1)
    this.#slotViews.set(slot, made)
    return made
  }

  /** @param ownsKv whether the KV tensors are released with the run. */
  #bind(kv: readonly OrtValue[], ownsKv: boolean, run: RunShape): BoundRun {
    const { api } = this.#session
    const { layers, vocabularySize } = this.shape.description
    const binding = new OrtIoBinding(api, this.#session)
    const inputs = this.#inputs.map(({ input, memory }) => {
      const value = OrtValue.over(api, this.#cpu, memory, input.shape(run), input.type)
      binding.input(input.name, value)
      return [input.name, value] as const
    })
    const logits = OrtValue.over(api, this.#cpu, this.#logits, [run.logitRows, vocabularySize], 'float32')
    binding.output(graphOutputs.logits, logits)
    for (let layer = 0; layer < layers; layer += 1) {
      const key = kv[2 * layer]
      const value = kv[2 * layer + 1]
      if (key === undefined || value === undefined) throw new RangeError(`KV view lacks layer ${layer}`)
      binding.input(graphInputs.pastKey(layer), key)
      binding.input(graphInputs.pastValue(layer), value)
      binding.output(graphOutputs.presentKey(layer), key)
      binding.output(graphOutputs.presentValue(layer), value)
    }
    return { binding, inputs, values: [...inputs.map(([, value]) => value), logits, ...(ownsKv ? kv : [])] }
  }
}

function release(run: BoundRun): void {
  run.binding.dispose()
  for (const value of run.values) value.dispose()
}
