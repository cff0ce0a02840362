import type { Disposable } from '../../../shared/base/disposable.ts'
import { graphInputs, graphOutputs, type GraphDescription, type GraphFloats } from '../../../shared/contracts/graph.ts'
import type { Provider } from '../../../shared/domain/generation.ts'
import { SwitchboardError } from '../../../shared/errors/switchboard-error.ts'
import { OrtIoBinding, OrtMemoryInfo, OrtRunOptions, OrtValue, type OrtSession } from '../ort/session.ts'
import { createKvMemory, type KvMemory } from './kv-memory.ts'
import { RecentlyUsed } from '../../../shared/base/recently-used.ts'

/**
 * Spans and chunk lengths kept bound, for each slot. Last chunks of prompts come in every length; a bound run takes
 * native memory for each layer.
 */
const KEPT_RUNS = 8

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
  /** Logit rows of one chunk when a prompt is scored; bounds memory at this many vocabularies of float32. */
  readonly scoreRows: number
}

/** Which tokens of a chunk get a row of logits. */
export type ChunkLogits = 'none' | 'last' | 'all'

/** Memory a run reads its tokens from and writes its logits to; made once per span or chunk length. */
interface BoundRun {
  readonly binding: OrtIoBinding
  readonly values: readonly OrtValue[]
  readonly small: readonly (readonly [name: string, value: OrtValue])[]
}

/**
 * Runs the graph over KV slots. Two kinds of run exist, because GroupQueryAttention refuses more than one new token a
 * row
 * once a past exists, unless the batch is one row (a refused run can leave a session unusable, so shapes are checked
 * here):
 *
 * - decode: one new token for each row of a contiguous span of slots;
 * - prefill: several new tokens for one slot.
 *
 * Idle rows. A span may cover slots that do not decode in this step. Such a row still computes one token and writes one
 * KV
 * position, so it is given a token 0 at the first position its slot has not filled (`filled`): a slot in the middle of
 * its
 * prefill writes where its next chunk begins, a free slot behind what it keeps for the next request. Either is
 * overwritten
 * by the chunk that comes next before anything reads it, since a row reads only positions below its own length; the
 * last
 * position of a full slot is the one that is not kept (no prompt can use it without running it anew). A prefill never
 * has
 * idle rows.
 *
 * Tensors over fixed buffers are bound once per span and used for every step.
 */
export class Decoder implements Disposable {
  readonly shape: DecoderShape
  readonly kvBytes: number
  /** Rows one decode may have. */
  readonly longestSpan: number
  /** Positions filled per slot: how many KV entries a later token of this slot may read. */
  readonly filled: Int32Array
  readonly #session: OrtSession
  readonly #runOptions: OrtRunOptions
  readonly #cpu: OrtMemoryInfo
  readonly #kv: KvMemory
  readonly #spans: RecentlyUsed<number, BoundRun>
  readonly #chunks: RecentlyUsed<string, BoundRun>
  readonly #slotViews = new Map<number, OrtValue[]>()
  readonly #ids: BigInt64Array
  readonly #seqlens: Int32Array
  readonly #total: Int32Array
  readonly #rows: BigInt64Array
  readonly #logits: Float32Array
  readonly #decodeRows: BigInt64Array
  readonly #chunkRows: BigInt64Array

  constructor(session: OrtSession, shape: DecoderShape) {
    const { slots, maxLength, prefillChunk, scoreRows, description, floats } = shape
    if (maxLength > description.maxPositions)
      throw new RangeError(`maxLength ${maxLength} exceeds the graph's ${description.maxPositions} positions`)
    this.shape = shape
    this.#session = session
    this.#spans = new RecentlyUsed(KEPT_RUNS * slots, release)
    this.#chunks = new RecentlyUsed(KEPT_RUNS * slots, release)
    this.#runOptions = new OrtRunOptions(session.api)
    this.#cpu = OrtMemoryInfo.cpu(session.api)
    this.#kv = createKvMemory(session, shape.provider, { slots, maxLength, description, floats })
    this.kvBytes = this.#kv.bytes
    this.longestSpan = this.#kv.longestSpan
    // Memory behind handles is taken with the first view: now, where a refusal can be told, and not in the middle of a
    // reply.
    if (this.longestSpan < slots) this.#takeAllViews()
    this.filled = new Int32Array(slots)
    const widest = Math.max(slots, prefillChunk)
    // Each over its own ArrayBuffer: typed arrays made by length may live on V8's heap, which moves them.
    this.#ids = new BigInt64Array(new ArrayBuffer(widest * 8))
    this.#seqlens = new Int32Array(new ArrayBuffer(slots * 4))
    this.#total = new Int32Array(new ArrayBuffer(4))
    this.#rows = new BigInt64Array(new ArrayBuffer(widest * 8))
    this.#decodeRows = BigInt64Array.from({ length: slots }, (_, row) => BigInt(row))
    this.#chunkRows = BigInt64Array.from({ length: prefillChunk }, (_, row) => BigInt(row))
    this.#logits = new Float32Array(new ArrayBuffer(Math.max(slots, scoreRows, 1) * description.vocabularySize * 4))
  }

  /**
   * One new token for each listed slot.
   * @param first first slot of the span.
   * @param tokens one per slot of the span; null for a slot that does not decode.
   * @returns nothing; row r of {@link logitRow} belongs to slot first + r until the next run.
   * @throws SwitchboardError engine_fault, out_of_memory.
   */
  decode(first: number, tokens: readonly (number | null)[]): void {
    const count = tokens.length
    const { slots, maxLength } = this.shape
    if (first < 0 || count < 1 || first + count > slots || count > this.longestSpan)
      throw new RangeError(`decode over slots ${first} to ${first + count - 1} of ${slots}`)
    let longest = 0
    for (let row = 0; row < count; row += 1) {
      const token = tokens[row] ?? null
      // A slot that is filled to the brim and idle rewrites its last position: nothing reads it again.
      const position = Math.min(this.filled[first + row] ?? 0, maxLength - 1)
      if (token !== null && (this.filled[first + row] ?? 0) >= maxLength)
        throw new RangeError(`slot ${first + row} is full`)
      this.#ids[row] = BigInt(this.#checkedId(token ?? 0))
      this.#seqlens[row] = position
      longest = Math.max(longest, position + 1)
    }
    this.#total[0] = longest
    this.#rows.set(count === slots ? this.#decodeRows : this.#decodeRows.subarray(0, count))
    this.#run(this.#span(first, count))
    for (let row = 0; row < count; row += 1) {
      if ((tokens[row] ?? null) !== null) this.filled[first + row] = (this.filled[first + row] ?? 0) + 1
    }
  }

  /**
   * The next tokens of one prompt.
   * @param logits `none`: the prompt goes on, and the head is not run; `last`: one row, of the last token; `all`: one
   *   row a
   *   token (at most `scoreRows` tokens).
   * @throws SwitchboardError engine_fault, out_of_memory.
   */
  prefill(slot: number, ids: ArrayLike<number>, start: number, count: number, logits: ChunkLogits): void {
    const { slots, maxLength, prefillChunk, scoreRows, provider } = this.shape
    const before = this.filled[slot] ?? 0
    if (slot < 0 || slot >= slots || count < 1 || count > prefillChunk || before + count > maxLength)
      throw new RangeError(`prefill of ${count} tokens at ${before} in slot ${slot}`)
    if (logits === 'all' && count > scoreRows)
      throw new RangeError(`${count} logit rows where ${scoreRows} are allowed`)
    for (let offset = 0; offset < count; offset += 1)
      this.#ids[offset] = BigInt(this.#checkedId(ids[start + offset] ?? -1))
    this.#seqlens[0] = before + count - 1
    this.#total[0] = before + count
    // Whether devices bind tensors of no rows was not seen: there the head runs for one row that nobody reads.
    const rows = logits === 'all' ? count : logits === 'none' && provider === 'cpu' ? 0 : 1
    if (logits === 'all') this.#rows.set(this.#chunkRows.subarray(0, rows))
    else this.#rows[0] = BigInt(count - 1)
    this.#run(this.#chunk(slot, count, rows))
    this.filled[slot] = before + count
  }

  /** Logits of one row of the last run, float32 [vocabulary]; a view that the next run overwrites. */
  logitRow(row: number): Float32Array {
    const { vocabularySize } = this.shape.description
    return this.#logits.subarray(row * vocabularySize, (row + 1) * vocabularySize)
  }

  /**
   * Goes on after the first `positions` of what a slot holds; the rest is overwritten by what is run next.
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
   * Gives a slot the first `positions` of another, which may be in use.
   * @throws RangeError when the other holds fewer, or the memory cannot be copied.
   */
  copyPrefix(from: number, to: number, positions: number): void {
    const { copy } = this.#kv
    if (copy === null || from === to || positions > Math.min(this.filled[from] ?? 0, this.shape.maxLength - 1))
      throw new RangeError(`slot ${from} cannot give ${positions} positions to slot ${to}`)
    copy(from, to, positions)
    this.filled[to] = positions
  }

  /** Forgets what a slot holds; its memory is overwritten by the next prompt. */
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

  #run(run: BoundRun): void {
    const onDevice = this.shape.provider !== 'cpu'
    // A device session copies an input when it is bound, so a changed buffer has to be bound again; the CPU reads in
    // place.
    if (onDevice) for (const [name, value] of run.small) run.binding.input(name, value)
    this.#session.run(run.binding, this.#runOptions)
    if (onDevice) run.binding.synchronizeOutputs()
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
    const key = first * this.shape.slots + count - 1
    return this.#spans.get(key, () =>
      this.#bind(count === 1 ? this.#slotView(first) : this.#kv.view(first, count), count !== 1, [count, 1], count),
    )
  }

  #chunk(slot: number, count: number, rows: number): BoundRun {
    return this.#chunks.get(`${slot} ${count} ${rows}`, () => this.#bind(this.#slotView(slot), false, [1, count], rows))
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

  #bind(
    kv: readonly OrtValue[],
    ownsKv: boolean,
    [batch, sequence]: readonly [number, number],
    rows: number,
  ): BoundRun {
    const { api } = this.#session
    const { layers, vocabularySize } = this.shape.description
    const binding = new OrtIoBinding(api, this.#session)
    const small: readonly (readonly [string, OrtValue])[] = [
      [graphInputs.inputIds, OrtValue.over(api, this.#cpu, this.#ids, [batch, sequence], 'int64')],
      [graphInputs.seqlensK, OrtValue.over(api, this.#cpu, this.#seqlens, [batch], 'int32')],
      [graphInputs.totalSequenceLength, OrtValue.over(api, this.#cpu, this.#total, [1], 'int32')],
      [graphInputs.logitRows, OrtValue.over(api, this.#cpu, this.#rows, [rows], 'int64')],
    ]
    const logits = OrtValue.over(api, this.#cpu, this.#logits, [rows, vocabularySize], 'float32')
    for (const [name, value] of small) binding.input(name, value)
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
    return { binding, small, values: [...small.map(([, value]) => value), logits, ...(ownsKv ? kv : [])] }
  }
}

function release(run: BoundRun): void {
  run.binding.dispose()
  for (const value of run.values) value.dispose()
}
