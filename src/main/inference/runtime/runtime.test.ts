import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { GRAPH_VERSION } from '../../../shared/contracts/graph.ts'
import { readGraphDescription } from './graph-description.ts'
import { countCores, sessionThreads } from './session-threads.ts'

describe('threads of a session', () => {
  it('are one per physical core', () => {
    const cpu = (socket: number, core: number) => `processor\t: 0\nphysical id\t: ${socket}\ncore id\t\t: ${core}\n\n`
    expect(countCores(cpu(0, 0) + cpu(0, 1) + cpu(0, 0) + cpu(1, 0))).toBe(3)
    expect(countCores('processor\t: 0\nBogoMIPS\t: 50.00\n')).toBe(0)
  })

  it('are fewer for a small graph, and stop spinning when a step has ended', () => {
    expect(
      [
        sessionThreads(0, 20e6, 8),
        sessionThreads(0, 900e6, 8),
        sessionThreads(0, 900e6, 2),
        sessionThreads(3, 20e6, 2),
      ].map(({ count }) => count),
    ).toEqual([1, 8, 2, 3])
    expect(sessionThreads(0, 900e6, 2).config).toMatchObject({
      'session.intra_op.spin_duration_us': '200',
      'session.force_spinning_stop': '1',
    })
  })
})

describe('graph.json', () => {
  const valid = {
    version: GRAPH_VERSION,
    family: 'qwen2',
    precision: 'fp32',
    floats: ['float32'],
    layers: 2,
    hiddenSize: 8,
    heads: 2,
    kvHeads: 1,
    headDim: 4,
    vocabularySize: 10,
    maxPositions: 16,
    weightBytes: 100,
    sources: {},
    files: { 'model.onnx': 'a'.repeat(64), 'model.onnx_data': 'b'.repeat(64) },
  }

  it('is read when valid, and refused with the fault otherwise', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'switchboard-graph-'))
    const read = async (content: unknown) => {
      await writeFile(join(directory, 'graph.json'), typeof content === 'string' ? content : JSON.stringify(content))
      return readGraphDescription(directory)
    }
    expect(await read(valid)).toEqual(valid)
    for (const [content, fault] of [
      ['{', 'is not JSON'],
      [null, 'not an object'],
      [{ ...valid, version: 99 }, 'version 99'],
      [{ ...valid, layers: 0 }, 'layers'],
      [{ ...valid, headDim: 1.5 }, 'headDim'],
      [{ ...valid, weightBytes: undefined }, 'weightBytes'],
      [{ ...valid, precision: 4 }, 'precision'],
      [{ ...valid, floats: ['int3'] }, 'floats'],
      [{ ...valid, floats: [] }, 'floats'],
      [{ ...valid, floats: ['float32', 'float16'] }, 'SHA-256 of model-float16.onnx'],
      [{ ...valid, files: {} }, 'SHA-256 of model.onnx'],
    ] as const)
      await expect(read(content)).rejects.toMatchObject({
        code: 'model_corrupt',
        message: expect.stringMatching(`^graph\\.json: .*${fault}`) as string,
      })
    await rm(directory, { recursive: true })
    expect(() => readGraphDescription(directory)).toThrow('cannot be read')
  })
})
