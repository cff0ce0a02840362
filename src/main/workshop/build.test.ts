import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fromBinary } from '@bufbuild/protobuf'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { GRAPH_VERSION } from '../../shared/contracts/graph.ts'
import type { Precision } from '../../shared/domain/generation.ts'
import { buildGraph } from './build.ts'
import { ModelProtoSchema, TensorProto_DataType, type ValueInfoProto } from './onnx/generated/onnx_pb.js'
import { changeJson, makeTestModel } from './test-model.ts'

let source: string
let target: string
beforeEach(async () => {
  source = await makeTestModel('qwen2-tied')
  target = join(dirname(source), 'graph')
})
afterEach(() => rm(dirname(source), { recursive: true, force: true }))

const build = (precision: Precision = 'fp32') =>
  buildGraph({ kind: 'build', source, target, precision }, () => undefined)
const sha256 = async (path: string) =>
  createHash('sha256')
    .update(await readFile(path))
    .digest('hex')
/** Names beside the source folder. */
const beside = async () => (await readdir(dirname(source))).filter((name) => name !== 'hf')

test('describes the graph and hashes what went in and came out', async () => {
  const steps: [number, string][] = []
  const description = await buildGraph({ kind: 'build', source, target, precision: 'fp32' }, (fraction, step) =>
    steps.push([fraction, step]),
  )
  const sources = [
    'config.json',
    'model.safetensors.index.json',
    'model-00001-of-00002.safetensors',
    'model-00002-of-00002.safetensors',
  ]
  expect(description).toEqual({
    version: GRAPH_VERSION,
    family: 'qwen2',
    precision: 'fp32',
    floats: ['float32'],
    layers: 3,
    hiddenSize: 64,
    heads: 4,
    kvHeads: 2,
    headDim: 16,
    vocabularySize: 128,
    maxPositions: 128,
    weightBytes: (await readFile(join(target, 'model.onnx_data'))).byteLength,
    sources: Object.fromEntries(
      await Promise.all(sources.map(async (name) => [name, await sha256(join(source, name))])),
    ),
    files: {
      'model.onnx': await sha256(join(target, 'model.onnx')),
      'model.onnx_data': await sha256(join(target, 'model.onnx_data')),
    },
  })
  expect(JSON.parse(await readFile(join(target, 'graph.json'), 'utf8'))).toEqual(description)
  expect((await readdir(target)).sort()).toEqual(['graph.json', 'model.onnx', 'model.onnx_data'])
  expect(await beside()).toEqual(['graph'])
  expect(steps.at(-1)?.[0]).toBeCloseTo(1)
  expect(steps.map(([fraction]) => fraction)).toEqual(steps.map(([fraction]) => fraction).toSorted((a, b) => a - b))
})

test('the same sources give the same bytes', async () => {
  const first = await build()
  target += '-again'
  expect((await build()).files).toEqual(first.files)
})

test('an empty target is filled, a used one is left alone', async () => {
  await mkdir(target)
  await build()
  await expect(build()).rejects.toMatchObject({ code: 'name_taken' })
  expect(await beside()).toEqual(['graph'])
})

test.each(['int8', 'int4'] as const)(
  '%s: smaller, the same bytes each time, the matrix of embedding and head stored once',
  async (precision) => {
    const full = await build()
    target += '-small'
    const small = await build(precision)
    expect(small.precision).toBe(precision)
    expect(small.weightBytes).toBeLessThan(full.weightBytes)
    target += '-again'
    expect((await build(precision)).files).toEqual(small.files)
    const { graph } = fromBinary(ModelProtoSchema, await readFile(join(target, 'model.onnx')))
    expect(
      new Set(graph?.node.map(({ opType }) => opType).filter((name) => /MatMul|Gemm|Gather|Slice/u.test(name))),
    ).toEqual(new Set(['GatherBlockQuantized', 'MatMulNBits', 'Gather']))
    const places = new Map(
      graph?.initializer.map(({ name, dims, externalData }) => [
        name,
        { dims: dims.map(Number), offset: externalData.find(({ key }) => key === 'offset')?.value },
      ]),
    )
    const name = 'model.embed_tokens.GatherBlockQuantized'
    const blockBytes = precision === 'int8' ? 32 : 16
    expect(places.get(`${name}.weight`)).toEqual({ dims: [128, 2, blockBytes], offset: expect.any(String) as string })
    expect(places.get(`${name}.flat_weight`)).toEqual({
      dims: [128, 2 * blockBytes],
      offset: places.get(`${name}.weight`)?.offset,
    })
    expect(graph?.node.find(({ name: node }) => node === '/lm_head/MatMulNBits')?.input.slice(1)).toEqual([
      `${name}.weight`,
      `${name}.scales`,
    ])
  },
)

test('fp16: half the bytes, the same ones each time; activations and cache as well, logits as float32', async () => {
  const full = await build()
  target += '-half'
  const half = await build('fp16')
  expect(half).toMatchObject({ precision: 'fp16', floats: ['float16'] })
  expect(half.weightBytes).toBeLessThan(full.weightBytes * 0.6)
  target += '-again'
  expect((await build('fp16')).files).toEqual(half.files)
  const { graph } = fromBinary(ModelProtoSchema, await readFile(join(target, 'model-float16.onnx')))
  expect(
    new Set(graph?.initializer.filter(({ externalData }) => externalData.length > 0).map(({ dataType }) => dataType)),
  ).toEqual(new Set([TensorProto_DataType.FLOAT16]))
  const types = (values: readonly ValueInfoProto[] | undefined) =>
    Object.fromEntries(
      (values ?? []).map(({ name, type }) => [
        name.replace(/\d+/u, 'N'),
        type?.value.case === 'tensorType' ? type.value.value.elemType : null,
      ]),
    )
  expect(types(graph?.input)).toMatchObject({
    input_ids: TensorProto_DataType.INT64,
    'past_key_values.N.key': TensorProto_DataType.FLOAT16,
    'past_key_values.N.value': TensorProto_DataType.FLOAT16,
  })
  expect(types(graph?.output)).toEqual({
    logits: TensorProto_DataType.FLOAT,
    'present.N.key': TensorProto_DataType.FLOAT16,
    'present.N.value': TensorProto_DataType.FLOAT16,
  })
})

test('fp16 of a number beyond it is refused by name, and leaves nothing behind', async () => {
  const name = 'model-00002-of-00002.safetensors'
  const bytes = await readFile(join(source, name))
  // the last weight of the shard, as bfloat16: 2^16
  bytes.writeUInt16LE(0x4780, bytes.byteLength - 2)
  await writeFile(join(source, name), bytes)
  await expect(build('fp16')).rejects.toMatchObject({
    code: 'model_unsupported',
    param: 'precision',
    message: expect.stringMatching(/model\..+65504/u) as string,
  })
  expect(await beside()).toEqual([])
  await expect(build('fp32')).resolves.toMatchObject({ precision: 'fp32' })
})

describe('refuses, and leaves nothing behind', () => {
  const cases: readonly (readonly [string, () => Promise<void>, object])[] = [
    [
      'a shard cut in half',
      () => truncate(join(source, 'model-00002-of-00002.safetensors'), 50_000),
      { code: 'invalid_safetensors', details: expect.objectContaining({ rule: 'file_size' }) },
    ],
    [
      'an index that leads elsewhere',
      () =>
        changeJson(source, 'model.safetensors.index.json', {
          weight_map: { 'model.norm.weight': '../../secret.safetensors' },
        }),
      { code: 'model_corrupt' },
    ],
    [
      'an index that names another kind of file',
      () => changeJson(source, 'model.safetensors.index.json', { weight_map: { 'model.norm.weight': 'config.json' } }),
      { code: 'model_corrupt' },
    ],
    [
      'an index that places a tensor in the wrong shard',
      async () => {
        const index = JSON.parse(await readFile(join(source, 'model.safetensors.index.json'), 'utf8')) as {
          weight_map: Record<string, string>
        }
        await changeJson(source, 'model.safetensors.index.json', {
          weight_map: { ...index.weight_map, 'model.norm.weight': 'model-00001-of-00002.safetensors' },
        })
      },
      { code: 'model_incompatible', details: expect.objectContaining({ tensor: 'model.norm.weight' }) },
    ],
    [
      'a configuration with another width',
      () => changeJson(source, 'config.json', { intermediate_size: 112 }),
      { code: 'model_incompatible', details: expect.objectContaining({ expected: '112, 64', found: '96, 64' }) },
    ],
    [
      'a configuration with more layers',
      () => changeJson(source, 'config.json', { num_hidden_layers: 4, layer_types: null }),
      { code: 'model_incompatible' },
    ],
    [
      'a configuration with fewer layers',
      () => changeJson(source, 'config.json', { num_hidden_layers: 2, layer_types: null }),
      { code: 'model_unsupported', details: { tensor: 'model.layers.2.input_layernorm.weight' } },
    ],
    [
      'a checkpoint with tensors of another architecture',
      () => changeJson(source, 'config.json', { model_type: 'llama' }),
      { code: 'model_unsupported' },
    ],
    [
      'a shard that is missing',
      async () =>
        writeFile(
          join(source, 'model.safetensors.index.json'),
          '{"weight_map":{"model.norm.weight":"model-00003-of-00003.safetensors"}}',
        ),
      { code: 'not_a_model_folder' },
    ],
  ]
  test.each(cases)('%s', async (_, damage, error) => {
    await damage()
    await expect(build()).rejects.toMatchObject(error)
    expect(await beside()).toEqual([])
  })

  test.each(['fp32', 'fp16', 'int8', 'int4'] as const)(
    'a weight that is not a number, found while writing %s',
    async (precision) => {
      const name = 'model-00002-of-00002.safetensors'
      const bytes = await readFile(join(source, name))
      bytes.writeUInt16LE(0x7fc0, bytes.byteLength - 2)
      await writeFile(join(source, name), bytes)
      await expect(build(precision)).rejects.toMatchObject({
        code: 'model_corrupt',
        details: { file: name, tensor: expect.stringContaining('model.') as string },
      })
      expect(await beside()).toEqual([])
    },
  )
})
