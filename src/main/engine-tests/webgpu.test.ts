import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { describe, expect, it } from 'vitest'
import { loadEngine } from '../inference/load-engine.ts'
import { loadOrtApi } from '../inference/ort/api.ts'
import { findOrtLibrary } from '../inference/ort/library.ts'
import { probeHere } from '../inference/ort/providers.ts'
import { OrtEnvironment, OrtSession } from '../inference/ort/session.ts'
import { encodeModel } from '../workshop/onnx/encode.ts'
import { GraphAssembly } from '../workshop/onnx/graph-assembly.ts'
import { buildRandomModel, testModel } from './random-model.ts'

// Chromium's software Vulkan stands in for a GPU: slow, but the same code path on device memory. CI must have one or the
// other.
const software = '/usr/lib/chromium/vk_swiftshader_icd.json'
if (process.platform === 'linux' && existsSync(software)) {
  process.env['VK_ICD_FILENAMES'] ??= software
  process.env['XDG_RUNTIME_DIR'] ??= tmpdir()
}
const found = probeHere('webgpu', findOrtLibrary(), ['float16', 'float32'])
const usable = found.usable || process.env['CI'] === 'true'
const hasHalves = found.usable && found.floats === 'float16'
const ids = Array.from({ length: 21 }, (_, at) => (at * 31 + 7) % 256)

/** Logits of chunks and steps in two alternating slots. */
async function logitRows(
  graphDirectory: string,
  provider: 'cpu' | 'webgpu',
  floats: 'float32' | 'float16' = 'float32',
): Promise<Float32Array[]> {
  const model = {
    ...testModel(graphDirectory, { slots: 2, contextLength: 64, prefillChunk: 8 }),
    policy: { prefer: provider, allowCpu: true } as const,
  }
  const { decoder, loaded } = await loadEngine(model)
  expect(loaded).toMatchObject({ provider, floats })
  const seen: Float32Array[] = []
  const keep = (): void => {
    seen.push(decoder.logitRow(0).slice())
  }
  for (let start = 0; start < 16; start += 8) decoder.prefill(1, ids, start, 8, 'last')
  keep()
  decoder.prefill(0, ids, 3, 5, 'last')
  keep()
  for (const id of ids.slice(16)) {
    decoder.decode(1, [id])
    keep()
    decoder.decode(0, [id])
    keep()
  }
  decoder.dispose()
  return seen
}

/** Largest difference between corresponding logits. */
function maxDifference(some: readonly Float32Array[], others: readonly Float32Array[]): number {
  expect(some).toHaveLength(others.length)
  return Math.max(
    ...some.map((row, at) => Math.max(...row.map((logit, id) => Math.abs(logit - (others[at]?.[id] ?? Number.NaN))))),
  )
}

describe('the WebGPU provider', () => {
  it.skipIf(!usable)(
    'computes the same as the CPU, with KV on the device: chunks, steps, and independent slots',
    async () => {
      const built = await buildRandomModel({ maxPositions: 64 })
      expect(
        maxDifference(await logitRows(built.graphDirectory, 'cpu'), await logitRows(built.graphDirectory, 'webgpu')),
      ).toBeLessThan(1e-3)
      await built.remove()
    },
  )

  it.skipIf(!usable)('computes with int4 and int8 weights, in fp16 if the card supports it', async () => {
    for (const precision of ['int4', 'int8'] as const) {
      const built = await buildRandomModel({ maxPositions: 64 }, precision)
      const expected = await logitRows(built.graphDirectory, 'cpu')
      const largest = Math.max(...expected.map((row) => Math.max(...row.map(Math.abs))))
      // CPU and card round activations differently.
      expect(
        maxDifference(expected, await logitRows(built.graphDirectory, 'webgpu', hasHalves ? 'float16' : 'float32')),
      ).toBeLessThan(largest * 0.05)
      await built.remove()
    }
  })

  it.skipIf(!usable)('refuses a graph that would run partly on the processor', () => {
    const graph = new GraphAssembly()
    graph.input({ name: 'x', type: 'float32', dimensions: [2, 2] })
    graph.node('/Det', 'Det', ['x'], { outputs: ['y'] })
    graph.output({ name: 'y', type: 'float32', dimensions: [] })
    const bytes = encodeModel(graph.finish('part', 'test', { '': 21 }), new Map())
    const environment = new OrtEnvironment(loadOrtApi(findOrtLibrary()))
    OrtSession.load(environment, bytes, { threads: 1, provider: { kind: 'cpu' } }).dispose()
    expect(() =>
      OrtSession.load(environment, bytes, { threads: 1, provider: { kind: 'webgpu', settings: {} } }),
    ).toThrow(/CPU EP/u)
  })

  it.skipIf(!hasHalves)('computes in fp16 the same as the CPU in float32, up to rounding', async () => {
    const [full, half] = [
      await buildRandomModel({ maxPositions: 64 }),
      await buildRandomModel({ maxPositions: 64 }, 'fp16'),
    ]
    const expected = await logitRows(full.graphDirectory, 'cpu')
    const largest = Math.max(...expected.map((row) => Math.max(...row.map(Math.abs))))
    expect(maxDifference(expected, await logitRows(half.graphDirectory, 'webgpu', 'float16'))).toBeLessThan(
      largest * 0.02,
    )
    await Promise.all([full.remove(), half.remove()])
  })

  it.skipIf(!usable || hasHalves)('reports a card without fp16', async () => {
    const built = await buildRandomModel({ maxPositions: 64 }, 'fp16')
    await expect(
      loadEngine({ ...testModel(built.graphDirectory), policy: { prefer: 'auto', allowCpu: true } }),
    ).rejects.toMatchObject({
      code: 'provider_unavailable',
      message: expect.stringMatching(
        /WebGPU: .*f16.* CPU: fp16 needs a graphics card\. For the processor import the model as int8 or int4\.$/u,
      ) as string,
    })
    await built.remove()
  })
})
