import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { GraphFloats } from '../../../shared/contracts/graph.ts'
import type { Provider } from '../../../shared/domain/generation.ts'
import { loadOrtApi } from './api.ts'
import { findOrtLibrary } from './library.ts'
import { ortFailure, plainMessage } from './ort-failure.ts'
import { probeGraph } from './probe-graph.ts'
import { candidates, chooseProvider, probeFor, probeHere, probeProvider } from './providers.ts'
import { OrtEnvironment, OrtIoBinding, OrtMemoryInfo, OrtRunOptions, OrtSession, OrtValue } from './session.ts'

const root = join(import.meta.dirname, '..', '..', '..', '..')

describe('the runtime over its C API', () => {
  it('runs a graph over our memory repeatedly, and releases everything once', () => {
    const environment = new OrtEnvironment(loadOrtApi(findOrtLibrary()))
    const { api } = environment
    const session = OrtSession.load(environment, probeGraph('float32'), { threads: 1, provider: { kind: 'cpu' } })
    expect([session.inputNames(), session.outputNames()]).toEqual([['x'], ['y']])
    const memory = OrtMemoryInfo.cpu(api)
    const x = new Float32Array(new ArrayBuffer(8))
    const y = new Float32Array(new ArrayBuffer(8))
    const values = [
      OrtValue.over(api, memory, x, [2], 'float32'),
      OrtValue.over(api, memory, y, [2], 'float32'),
    ] as const
    const binding = new OrtIoBinding(api, session)
    binding.input('x', values[0])
    binding.output('y', values[1])
    const options = new OrtRunOptions(api)
    for (let run = 0; run < 100; run += 1) {
      x.set([run, -run])
      session.run(binding, options)
      expect([...y]).toEqual([2 * run, -2 * run || 0].map((value, at) => (at === 1 && run === 0 ? -0 : value)))
    }
    options.terminate()
    expect(() => session.run(binding, options)).toThrow(expect.objectContaining({ code: 'cancelled' }) as Error)
    options.clear()
    session.run(binding, options)
    for (const member of [binding, ...values, options, memory, session, environment]) {
      member.dispose()
      member.dispose()
    }
    expect(() => session.run(binding, options)).toThrow('after it was disposed')
  })

  it('refuses a tensor larger than its memory', () => {
    const { api } = new OrtEnvironment(loadOrtApi(findOrtLibrary()))
    expect(() => OrtValue.over(api, OrtMemoryInfo.cpu(api), new Float32Array(3), [4], 'float32')).toThrow(RangeError)
  })

  it('names the file when a graph is missing or damaged', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'switchboard-ort-'))
    const environment = new OrtEnvironment(loadOrtApi(findOrtLibrary()))
    const load = (name: string) => () =>
      OrtSession.load(environment, join(directory, name), { threads: 1, provider: { kind: 'cpu' } })
    await writeFile(join(directory, 'damaged.onnx'), 'this is no graph')
    expect(load('absent.onnx')).toThrow(
      expect.objectContaining({
        code: 'model_corrupt',
        message: expect.stringContaining('absent.onnx') as string,
      }) as Error,
    )
    expect(load('damaged.onnx')).toThrow(expect.objectContaining({ code: 'model_corrupt' }) as Error)
    await rm(directory, { recursive: true })
  })

  it('says which library cannot be opened', () => {
    expect(() => loadOrtApi('/nowhere/libonnxruntime.so')).toThrow(
      expect.objectContaining({
        code: 'provider_unavailable',
        message: expect.stringContaining('/nowhere/') as string,
      }) as Error,
    )
  })
})

describe('failures of the runtime', () => {
  it('become typed errors', () => {
    expect(
      [
        [1, 'Failed to allocate memory for requested buffer of size 4'],
        [7, 'Protobuf parsing failed.'],
        [6, 'Exiting due to terminate flag being set to true.'],
        [11, 'no device'],
        [99, 'odd'],
      ].map(([number, message]) => ortFailure('Run', number as number, message as string).code),
    ).toEqual(['out_of_memory', 'model_corrupt', 'cancelled', 'provider_unavailable', 'engine_fault'])
  })

  it("are reported without the compiler's file names", () => {
    expect(
      plainMessage(
        '/onnxruntime_src/onnxruntime/core/providers/webgpu/webgpu_context.cc:136 onnxruntime::webgpu::WebGpuContext::Initialize(const X&)::<lambda()> adapter_result.status == wgpu::RequestAdapterStatus::Success was false. Failed to get a WebGPU adapter: No supported adapters\n',
      ),
    ).toBe('Failed to get a WebGPU adapter: No supported adapters')
    expect(plainMessage('Load model from x failed')).toBe('Load model from x failed')
  })
})

describe('providers', () => {
  it('are probed for the graphs that suit them, and one that can run none says what to import', () => {
    const asked = (provider: Provider, graphs: readonly GraphFloats[], works = true) => {
      let order = ''
      const result = probeFor(provider, graphs, (wanted) => {
        order = wanted.join(' then ')
        return works
          ? { provider, usable: true, floats: wanted[0] ?? 'float32' }
          : { provider, usable: false, reason: 'no driver' }
      })
      return [order, result.usable ? 'used' : result.reason]
    }
    const both = ['float32', 'float16'] as const
    expect([asked('cuda', both), asked('webgpu', both), asked('cpu', both), asked('webgpu', ['float32'])]).toEqual([
      ['float16', 'used'],
      ['float16 then float32', 'used'],
      ['float32', 'used'],
      ['float32', 'used'],
    ])
    expect(asked('cuda', ['float32'])).toEqual([
      'float16',
      expect.stringMatching(/imported as fp32.*fp16, int8 or int4/u),
    ])
    expect(asked('cpu', ['float16'])).toEqual([
      'float32',
      expect.stringMatching(/needs a graphics card.*int8 or int4/u),
    ])
    expect(asked('cuda', ['float32'], false)).toEqual(['float16', 'no driver'])
  })

  const refusing = (usable: readonly Provider[]) => (provider: Provider) =>
    usable.includes(provider)
      ? { provider, usable: true as const, floats: 'float32' as const }
      : { provider, usable: false as const, reason: `no ${provider}.` }

  it('are tried in order, each refusal with its reason', () => {
    expect(chooseProvider({ prefer: 'auto', allowCpu: true }, refusing(['webgpu', 'cpu']))).toEqual({
      provider: 'webgpu',
      refusals: [{ provider: 'cuda', reason: 'no cuda.' }],
    })
    expect(chooseProvider({ prefer: 'auto', allowCpu: true }, refusing(['cpu'])).refusals).toHaveLength(2)
    expect(candidates({ prefer: 'cpu', allowCpu: true })).toEqual(['cpu'])
  })

  it('never fall back to the CPU against the policy', () => {
    expect(() => chooseProvider({ prefer: 'auto', allowCpu: false }, refusing(['cpu']))).toThrow(
      'CUDA: no cuda. WebGPU: no webgpu. CPU: Running on the CPU is switched off in the settings.',
    )
    expect(() => chooseProvider({ prefer: 'cuda', allowCpu: true }, refusing(['cpu']))).toThrow(
      'No provider can run the model. CUDA: no cuda.',
    )
    expect(() => chooseProvider({ prefer: 'cpu', allowCpu: false }, refusing(['cpu']))).toThrow('switched off')
  })

  it('include a working CPU', () => {
    expect(probeHere('cpu', findOrtLibrary(), ['float32'])).toEqual({
      provider: 'cpu',
      usable: true,
      floats: 'float32',
    })
  })

  it('name the remedy when the CUDA library is not installed', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'switchboard-ort-'))
    const probe = probeProvider('cuda', { libraryPath: join(directory, 'libonnxruntime.so.1') })
    expect(probe.usable).toBe(false)
    if (process.platform === 'linux' && process.arch === 'x64') {
      const [program = '', ...args] = (probe.usable ? '' : probe.reason).split(' run: ')[1]?.split(' ') ?? []
      expect(program).toBe('node')
      // The network is a stub that reports its requests: the command fetches the package with the CUDA libraries, also
      // when npm starts it.
      const stub = join(directory, 'stub.cjs')
      await writeFile(stub, `require('node:https').get = (url) => { console.log('asked for ' + url); process.exit(0) }`)
      const npm = { npm_config_local_prefix: root, npm_package_json: join(root, 'package.json') }
      for (const env of [{}, npm]) {
        const { stdout, stderr } = spawnSync(process.execPath, ['--require', stub, ...args], {
          cwd: root,
          env: { PATH: process.env['PATH'], ...env },
          encoding: 'utf8',
        })
        expect(stdout + stderr).toBe('asked for https://api.nuget.org/v3/index.json\n')
      }
    }
    await rm(directory, { recursive: true })
  })
})
