import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createHash } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fromBinary } from '@bufbuild/protobuf'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ModelProtoSchema, TensorProto_DataLocation } from './generated/onnx_pb.js'
import { toFloat16Graph } from './float16-graph.ts'
import { float, GraphAssembly, int } from './graph-assembly.ts'
import type { OnnxGraph } from './graph.ts'
import { writeModel } from './write-model.ts'

const names = { graph: 'model.onnx', weights: 'model.onnx_data' }
const write = (graph: OnnxGraph, onBytes: (count: number) => void = () => undefined) =>
  writeModel({ graphs: { [names.graph]: graph }, weights: names.weights }, directory, onBytes)
let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'switchboard-onnx-'))
})
afterEach(() => rm(directory, { recursive: true, force: true }))

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

const pieces = (...values: readonly Float32Array[]) =>
  async function* () {
    for (const value of values) yield new Uint8Array(value.buffer)
  }

test('weights lie on page boundaries, and the graph says where', async () => {
  const graph = new GraphAssembly()
  graph.input({ name: 'x', type: 'float32', dimensions: ['batch', 2] })
  graph.weight('w', 'float32', [2, 3], pieces(Float32Array.of(1, 2), Float32Array.of(3, 4, 5, 6)))
  graph.weight('b', 'float32', [3], pieces(Float32Array.of(7, 8, 9)))
  graph.integers('shape', [-1, 3])
  graph.node('/linear/Gemm', 'Gemm', ['x', 'w', 'b'], { attributes: { alpha: float(1), transB: int(0) } })
  graph.node('/Reshape', 'Reshape', ['/linear/Gemm/output_0', 'shape'], { outputs: ['y'] })
  graph.output({ name: 'y', type: 'float32', dimensions: ['batch', 3] })
  let told = 0
  const written = await write(graph.finish('test', 'switchboard', { '': 21 }), (count) => (told += count))

  const data = await readFile(join(directory, names.weights))
  const bytes = await readFile(join(directory, names.graph))
  expect(written).toEqual({
    files: { [names.graph]: sha256(bytes), [names.weights]: sha256(data) },
    weightBytes: 4096 + 12,
  })
  expect(told).toBe(24 + 12)
  expect(new Float32Array(data.buffer.slice(data.byteOffset + 4096, data.byteOffset + 4108))).toEqual(
    Float32Array.of(7, 8, 9),
  )
  const model = fromBinary(ModelProtoSchema, bytes)
  const place = model.graph?.initializer.map((tensor) => [
    tensor.name,
    tensor.dataLocation,
    ...tensor.externalData.map(({ key, value }) => `${key}=${value}`),
  ])
  expect(place).toEqual([
    ['w', TensorProto_DataLocation.EXTERNAL, 'location=model.onnx_data', 'offset=0', 'length=24'],
    ['b', TensorProto_DataLocation.EXTERNAL, 'location=model.onnx_data', 'offset=4096', 'length=12'],
    ['shape', TensorProto_DataLocation.DEFAULT],
  ])
  expect(model.graph?.node.map(({ name, opType }) => `${name} ${opType}`)).toEqual([
    '/linear/Gemm Gemm',
    '/Reshape Reshape',
  ])
})

test('a view has the bytes of its weight in another shape, and their length', async () => {
  const graph = new GraphAssembly()
  graph.weight('w', 'float32', [2, 3], pieces(Float32Array.of(1, 2, 3, 4, 5, 6)))
  graph.view('flat', 'w', 'uint8', [24])
  const written = await write(graph.finish('test', 'switchboard', { '': 21 }))
  expect(written.weightBytes).toBe(24)
  const model = fromBinary(ModelProtoSchema, await readFile(join(directory, names.graph)))
  const [weight, view] = model.graph?.initializer ?? []
  expect(view).toMatchObject({ name: 'flat', dims: [24n], externalData: weight?.externalData })
  graph.view('longer', 'w', 'uint8', [25])
  await rm(join(directory, names.weights))
  await rm(join(directory, names.graph))
  await expect(write(graph.finish('test', 'switchboard', { '': 21 }))).rejects.toThrow(
    'initialiser longer: its shape has 25 bytes, w has 24',
  )
})

test('a float16 graph reads the same weights, converts them, and keeps the named outputs in float32', async () => {
  const graph = new GraphAssembly()
  graph.input({ name: 'ids', type: 'int64', dimensions: ['batch'] })
  graph.input({ name: 'past', type: 'float32', dimensions: ['batch', 2] })
  graph.weight('codes', 'uint8', [4, 2], async function* () {
    yield new Uint8Array(8)
  })
  graph.weight('scales', 'float32', [4], pieces(Float32Array.of(1, 2, 3, 4)))
  graph.node('/lookup', 'GatherBlockQuantized', ['codes', 'ids', 'scales'], { domain: 'com.microsoft' })
  graph.node('/add', 'Add', ['/lookup/output_0', 'past'], { outputs: ['present'] })
  graph.node('/head', 'Identity', ['present'], { outputs: ['logits'] })
  graph.output({ name: 'present', type: 'float32', dimensions: ['batch', 2] })
  graph.output({ name: 'logits', type: 'float32', dimensions: ['batch', 2] })
  const whole = graph.finish('test', 'switchboard', { '': 21 })
  const converted = toFloat16Graph(whole, ['logits'])
  await writeModel(
    { graphs: { 'whole.onnx': whole, 'converted.onnx': converted }, weights: 'weights' },
    directory,
    () => undefined,
  )
  const read = async (name: string) => fromBinary(ModelProtoSchema, await readFile(join(directory, name))).graph
  const [first, second] = [await read('whole.onnx'), await read('converted.onnx')]
  expect(second?.initializer).toEqual(first?.initializer)
  expect(second?.node.map(({ opType, input, output }) => `${opType}(${input.join()}) ${output.join()}`)).toEqual([
    'Cast(scales) scales.float16',
    'GatherBlockQuantized(codes,ids,scales.float16) /lookup/output_0',
    'Add(/lookup/output_0,past) present',
    'Identity(present) logits.float16',
    'Cast(logits.float16) logits',
  ])
  expect([...converted.inputs, ...converted.outputs].map(({ name, type }) => `${name} ${type}`)).toEqual([
    'ids int64',
    'past float16',
    'present float16',
    'logits float32',
  ])
  await expect(
    writeModel(
      { graphs: { a: whole, b: { ...whole, initialisers: [...whole.initialisers] } }, weights: 'more' },
      directory,
      () => undefined,
    ),
  ).rejects.toThrow('graph b has initialisers of its own')
})

test('pieces that do not add up to the shape are a fault of the builder', async () => {
  const graph = new GraphAssembly()
  graph.weight('w', 'float32', [3], pieces(Float32Array.of(1, 2)))
  await expect(write(graph.finish('test', 'switchboard', { '': 21 }))).rejects.toThrow(
    'initialiser w: wrote 8 bytes, its shape has 12',
  )
})

test('names are unique and known before they are used', () => {
  const graph = new GraphAssembly()
  graph.input({ name: 'x', type: 'float32', dimensions: [1] })
  graph.node('/a', 'Identity', ['x'])
  expect(() => graph.node('/a', 'Identity', ['x'])).toThrow('node /a exists already')
  expect(() => graph.node('/b', 'Identity', ['nowhere'])).toThrow('input nowhere does not exist')
  expect(() => graph.input({ name: 'x', type: 'float32', dimensions: [1] })).toThrow('value x exists already')
  graph.output({ name: 'missing', type: 'float32', dimensions: [1] })
  expect(() => graph.finish('test', 'switchboard', {})).toThrow('output missing')
})
