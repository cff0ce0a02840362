import type { AdapterRow } from '../../../shared/contracts/engine.ts'
import { graphInputs } from '../../../shared/contracts/graph.ts'

/** Which tokens of a run get a row of logits. */
export type ChunkLogits = 'none' | 'last' | 'all'

/** What one run computes: `batch` rows of `sequence` tokens, and `logitRows` rows of logits. */
export interface RunShape {
  readonly batch: number
  readonly sequence: number
  readonly logitRows: number
}

/** One row of a run. */
export interface RunRow {
  /** Index in the batch. */
  readonly row: number
  /** Ids [start, start + sequence) are run. */
  readonly ids: ArrayLike<number>
  readonly start: number
  readonly sequence: number
  /** Positions of the slot that are filled before the run. */
  readonly past: number
  readonly logits: ChunkLogits
  readonly adapters: readonly AdapterRow[]
}

/** The largest run of a decoder. */
export interface MaxShape {
  /** Rows of a decode run. */
  readonly slots: number
  /** Tokens of a prefill run, which has one row. */
  readonly prefillChunk: number
}

/** Memory of an input, by element type. */
interface StepBuffers {
  readonly int64: BigInt64Array
  readonly int32: Int32Array
  readonly float32: Float32Array
}

interface Entry<Type extends keyof StepBuffers> {
  /** As in the graph. */
  readonly name: string
  readonly type: Type
  /** Elements of the largest run. */
  size(max: MaxShape): number
  shape(run: RunShape): readonly number[]
  /** Writes one row; rows are written in ascending order, starting with 0. */
  write(buffer: StepBuffers[Type], row: RunRow): void
}

/** An input that changes with every run. KV is not among them: it is bound once per view. */
export type StepInput = { readonly [Type in keyof StepBuffers]: Entry<Type> }[keyof StepBuffers]

/**
 * The inputs of the decoder graph (contracts/graph.ts). A further input per row, such as a mask of adapters, is one more
 * entry here.
 */
export const stepInputs: readonly StepInput[] = [
  {
    name: graphInputs.inputIds,
    type: 'int64',
    size: ({ slots, prefillChunk }) => Math.max(slots, prefillChunk),
    shape: ({ batch, sequence }) => [batch, sequence],
    write(buffer, { row, ids, start, sequence }) {
      for (let at = 0; at < sequence; at += 1) buffer[row * sequence + at] = BigInt(ids[start + at] as number)
    },
  },
  {
    name: graphInputs.seqlensK,
    type: 'int32',
    size: ({ slots }) => slots,
    shape: ({ batch }) => [batch],
    write(buffer, { row, past, sequence }) {
      buffer[row] = past + sequence - 1
    },
  },
  {
    name: graphInputs.totalSequenceLength,
    type: 'int32',
    size: () => 1,
    shape: () => [1],
    write(buffer, { row, past, sequence }) {
      const length = past + sequence
      buffer[0] = row === 0 ? length : Math.max(buffer[0] as number, length)
    },
  },
  {
    name: graphInputs.logitRows,
    type: 'int64',
    size: ({ slots, prefillChunk }) => Math.max(slots, prefillChunk),
    shape: ({ logitRows }) => [logitRows],
    write(buffer, { row, sequence, logits }) {
      if (logits === 'all')
        for (let at = 0; at < sequence; at += 1) buffer[row * sequence + at] = BigInt(row * sequence + at)
      else buffer[row] = BigInt((row + 1) * sequence - 1)
    },
  },
]

/** An input with the memory that its tensors are made over. */
export class InputBuffer {
  readonly input: StepInput
  /** Over its own ArrayBuffer: typed arrays made by length may be on V8's heap, which moves them. */
  readonly memory: BigInt64Array | Int32Array | Float32Array
  readonly write: (row: RunRow) => void

  constructor(input: StepInput, max: MaxShape) {
    this.input = input
    const size = input.size(max)
    if (input.type === 'int64') {
      const memory = new BigInt64Array(new ArrayBuffer(size * 8))
      this.memory = memory
      this.write = (row) => input.write(memory, row)
    } else if (input.type === 'int32') {
      const memory = new Int32Array(new ArrayBuffer(size * 4))
      this.memory = memory
      this.write = (row) => input.write(memory, row)
    } else {
      const memory = new Float32Array(new ArrayBuffer(size * 4))
      this.memory = memory
      this.write = (row) => input.write(memory, row)
    }
  }
}
