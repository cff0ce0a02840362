import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { describe, expect, it } from 'vitest'
import { loadEngine } from '../inference/load-engine.ts'
import { findOrtLibrary } from '../inference/ort/library.ts'
import { probeHere } from '../inference/ort/providers.ts'
import { buildRandomModel, testModel } from './random-model.ts'

// Chromium's software Vulkan stands in for a GPU where there is none: slow, but the same code path on device memory.
const software = '/usr/lib/chromium/vk_swiftshader_icd.json'
if (process.platform === 'linux' && existsSync(software)) {
  process.env['VK_ICD_FILENAMES'] ??= software
  process.env['XDG_RUNTIME_DIR'] ??= tmpdir()
}
const usable = probeHere('webgpu', findOrtLibrary()).usable

describe('the WebGPU provider', () => {
  it.skipIf(!usable)('computes what the CPU computes, with KV on the device: chunks, steps, and slots that do not disturb each other', async () => {
    const built = await buildRandomModel({ maxPositions: 64 })
    const ids = Array.from({ length: 21 }, (_, at) => (at * 31 + 7) % 256)
    const rows = async (provider: 'cpu' | 'webgpu'): Promise<Float32Array[]> => {
      const model = { ...testModel(built.graphDirectory, { slots: 2, contextLength: 64, prefillChunk: 8 }), policy: { prefer: provider, allowCpu: true } as const }
      const { decoder, loaded } = await loadEngine(model, { probe: (wanted) => ({ provider: wanted, usable: true }) })
      expect(loaded.provider).toBe(provider)
      const seen: Float32Array[] = []
      const keep = (): void => { seen.push(decoder.logitRow(0).slice()) }
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
    const cpu = await rows('cpu')
    const gpu = await rows('webgpu')
    const differences = cpu.map((row, at) => Math.max(...row.map((logit, id) => Math.abs(logit - (gpu[at]?.[id] ?? Number.NaN)))))
    expect(differences).toHaveLength(12)
    expect(Math.max(...differences)).toBeLessThan(1e-3)
    await built.remove()
  })
})
