import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { GRAPH_VERSION, graphInputs, graphOutputs, type GraphDescription } from '../../shared/contracts/graph.ts'
import { loadOrtApi } from '../inference/ort/api.ts'
import { findOrtLibrary } from '../inference/ort/library.ts'
import { OrtEnvironment, OrtSession } from '../inference/ort/session.ts'
import { Decoder } from '../inference/runtime/decoder.ts'
import { stepInputs, type StepInput } from '../inference/runtime/step-inputs.ts'
import { encodeModel } from '../workshop/onnx/encode.ts'
import { elementType, GraphAssembly } from '../workshop/onnx/graph-assembly.ts'

const ADAPTERS = 2
const SLOTS = 3
const LENGTH = 8

/** Logits of a token are its id plus the row's mask, so that they show which row got which input. */
function maskedGraph(): Uint8Array {
  const graph = new GraphAssembly()
  graph.input({ name: graphInputs.inputIds, type: 'int64', dimensions: ['batch', 'sequence'] })
  graph.input({ name: graphInputs.seqlensK, type: 'int32', dimensions: ['batch'] })
  graph.input({ name: graphInputs.totalSequenceLength, type: 'int32', dimensions: [1] })
  graph.input({ name: graphInputs.logitRows, type: 'int64', dimensions: ['rows'] })
  graph.input({ name: 'adapter_mask', type: 'float32', dimensions: ['batch', ADAPTERS] })
  graph.integers('flat', [-1])
  graph.integers('column', [-1, 1])
  graph.node('/ids', 'Reshape', [graphInputs.inputIds, 'flat'], { outputs: ['ids'] })
  graph.node('/picked', 'Gather', ['ids', graphInputs.logitRows], { outputs: ['picked'] })
  graph.node('/number', 'Cast', ['picked'], { outputs: ['number'], attributes: { to: elementType('float32') } })
  graph.node('/rows', 'Reshape', ['number', 'column'], { outputs: ['rows'] })
  graph.node('/logits', 'Add', ['rows', 'adapter_mask'], { outputs: [graphOutputs.logits] })
  graph.output({ name: graphOutputs.logits, type: 'float32', dimensions: ['rows', ADAPTERS] })
  const kv = { type: 'float32', dimensions: ['batch', 1, LENGTH, 1] } as const
  for (const [past, present] of [
    [graphInputs.pastKey(0), graphOutputs.presentKey(0)],
    [graphInputs.pastValue(0), graphOutputs.presentValue(0)],
  ] as const) {
    graph.input({ name: past, ...kv })
    graph.node(`/${present}`, 'Identity', [past], { outputs: [present] })
    graph.output({ name: present, ...kv })
  }
  return encodeModel(graph.finish('masked', 'switchboard', { '': 21 }), new Map())
}

const description: GraphDescription = {
  version: GRAPH_VERSION,
  family: 'test',
  precision: 'fp32',
  floats: ['float32'],
  layers: 1,
  hiddenSize: 1,
  heads: 1,
  kvHeads: 1,
  headDim: 1,
  vocabularySize: ADAPTERS,
  maxPositions: LENGTH,
  weightBytes: 1,
  sources: {},
  files: {},
}

/** Everything that an adapter mask needs in the runtime: the scale of each adapter of the bank, by row. */
const adapterMask: StepInput = {
  name: 'adapter_mask',
  type: 'float32',
  size: ({ slots }) => slots * ADAPTERS,
  shape: ({ batch }) => [batch, ADAPTERS],
  write(buffer, { row, adapters }) {
    buffer.fill(0, row * ADAPTERS, (row + 1) * ADAPTERS)
    for (const { index, scale } of adapters) buffer[row * ADAPTERS + index] = scale
  },
}

describe('a graph with one more input per row', () => {
  let session: OrtSession
  let decoder: Decoder

  beforeAll(() => {
    session = OrtSession.load(new OrtEnvironment(loadOrtApi(findOrtLibrary())), maskedGraph(), {
      threads: 1,
      provider: { kind: 'cpu' },
    })
    const shape = {
      description,
      floats: 'float32',
      provider: 'cpu',
      slots: SLOTS,
      maxLength: LENGTH,
      prefillChunk: 4,
      scoreRows: 4,
    } as const
    decoder = new Decoder(session, shape, [...stepInputs, adapterMask])
  })
  afterAll(() => {
    decoder.dispose()
    session.dispose()
  })
  const rows = (count: number) => Array.from({ length: count }, (_, row) => [...decoder.logitRow(row)])

  test('gives every row of a span its own value, and idle rows none', () => {
    decoder.decode(0, [1, null, 0], [[{ index: 1, scale: 0.5 }], [], [{ index: 0, scale: 0.25 }]])
    expect(rows(3)).toEqual([
      [1, 1.5],
      [0, 0],
      [0.25, 0],
    ])
    decoder.decode(0, [1, 1, 1])
    expect(rows(3)).toEqual([
      [1, 1],
      [1, 1],
      [1, 1],
    ])
  })

  test('gives all tokens of a chunk the value of their row', () => {
    decoder.prefill(1, [0, 1, 1], 0, 3, 'all', [
      { index: 0, scale: 2 },
      { index: 1, scale: 3 },
    ])
    expect(rows(3)).toEqual([
      [2, 3],
      [3, 4],
      [3, 4],
    ])
    decoder.prefill(2, [1], 0, 1, 'last')
    expect(rows(1)).toEqual([[1, 1]])
  })
})
