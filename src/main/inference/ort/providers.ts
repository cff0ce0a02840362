import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { assertNever } from '../../../shared/base/assert-never.ts'
import type { GraphFloats } from '../../../shared/contracts/graph.ts'
import type { ProviderPolicy, ProviderRefusal } from '../../../shared/domain/engine.ts'
import type { Provider } from '../../../shared/domain/generation.ts'
import { SwitchboardError } from '../../../shared/errors/switchboard-error.ts'
import { loadOrtApi } from './api.ts'
import { findOrtLibrary } from './library.ts'
import { probeGraph } from './probe-graph.ts'
import {
  OrtEnvironment,
  OrtIoBinding,
  OrtMemoryInfo,
  OrtRunOptions,
  OrtSession,
  OrtValue,
  type SessionProvider,
} from './session.ts'

/** Result of probing one provider with a small computation, and the numbers that it used. */
export type ProviderProbe =
  | { readonly provider: Provider; readonly usable: true; readonly floats: GraphFloats }
  | { readonly provider: Provider; readonly usable: false; readonly reason: string }

export interface ProbeReport {
  readonly runtimeVersion: string
  readonly libraryPath: string
  readonly providers: readonly ProviderProbe[]
}

const order: readonly Provider[] = ['cuda', 'webgpu', 'cpu']

/** Session settings of a provider, with the runtime's option names. */
export function sessionProvider(provider: Provider, cudaMemoryLimitBytes: number | null = null): SessionProvider {
  switch (provider) {
    case 'cpu':
      return { kind: 'cpu' }
    case 'webgpu':
      return { kind: 'webgpu', settings: {} }
    case 'cuda':
      return {
        kind: 'cuda',
        settings: {
          device_id: '0',
          // By default the arena doubles with each extension and takes memory that the KV cache needs.
          arena_extend_strategy: 'kSameAsRequested',
          // The exhaustive search takes seconds at load time and its workspace takes VRAM; a decoder has no
          // convolutions.
          cudnn_conv_algo_search: 'HEURISTIC',
          do_copy_in_default_stream: '1',
          ...(cudaMemoryLimitBytes === null ? {} : { gpu_mem_limit: String(cudaMemoryLimitBytes) }),
        },
      }
    default:
      return assertNever(provider, 'sessionProvider')
  }
}

/**
 * Numbers that a provider computes graphs in, best first. CUDA attention supports float16 only (ONNX Runtime,
 * contrib_ops/cuda/bert/group_query_attention.cc); a processor would convert every weight in every step.
 */
const computesIn: Readonly<Record<Provider, readonly GraphFloats[]>> = {
  cuda: ['float16'],
  webgpu: ['float16', 'float32'],
  cpu: ['float32'],
}

/** Advice for a provider that computes in one kind of numbers only. */
const importInstead: Readonly<Record<GraphFloats, string>> = {
  float16: 'It computes in fp16, and the model was imported as fp32. For this card import it as fp16, int8 or int4.',
  float32: 'fp16 needs a graphics card. For the processor import the model as int8 or int4.',
}

/**
 * Probes a provider for the kinds of graph that exist. A provider that works with none of them says what to import
 * instead.
 * @param probe tries some numbers, best first; called once.
 */
export function probeFor(
  provider: Provider,
  graphs: readonly GraphFloats[],
  probe: (wanted: readonly GraphFloats[]) => ProviderProbe,
): ProviderProbe {
  const suited = computesIn[provider].filter((floats) => graphs.includes(floats))
  const result = probe(suited.length > 0 ? suited : computesIn[provider])
  return suited.length === 0 && result.usable
    ? { provider, usable: false, reason: importInstead[result.floats] }
    : result
}

/** The providers a policy may use, best first. Pure. */
export function candidates(policy: ProviderPolicy): readonly Provider[] {
  const wanted = policy.prefer === 'auto' ? order : [policy.prefer]
  return wanted.filter((provider) => provider !== 'cpu' || policy.allowCpu)
}

/**
 * Picks the first usable provider. The probe is a parameter so that the policy can be tested without a GPU.
 * @throws SwitchboardError provider_unavailable with every reason in its message.
 */
export function chooseProvider(
  policy: ProviderPolicy,
  probe: (provider: Provider) => ProviderProbe,
): { readonly provider: Provider; readonly refusals: readonly ProviderRefusal[] } {
  const refusals: ProviderRefusal[] = []
  for (const provider of candidates(policy)) {
    const result = probe(provider)
    if (result.usable) return { provider, refusals }
    refusals.push({ provider, reason: result.reason })
  }
  if (!policy.allowCpu && (policy.prefer === 'auto' || policy.prefer === 'cpu'))
    refusals.push({ provider: 'cpu', reason: 'Running on the CPU is switched off in the settings.' })
  throw new SwitchboardError(
    'provider_unavailable',
    `No provider can run the model. ${refusals.map(({ provider, reason }) => `${providerLabel[provider]}: ${reason}`).join(' ')}`,
  )
}

const providerLabel: Readonly<Record<Provider, string>> = { cuda: 'CUDA', webgpu: 'WebGPU', cpu: 'CPU' }

const cudaLibrary: Readonly<Partial<Record<NodeJS.Platform, string>>> = {
  linux: 'libonnxruntime_providers_cuda.so',
  win32: 'onnxruntime_providers_cuda.dll',
}

/**
 * Command that fetches the CUDA libraries, run in the folder of the checkout: the install script of the package, which
 * npm does not run for a package that is installed already. The flag has no value: with `=cuda12` the script does
 * nothing when npm started it.
 */
const fetchCuda = 'node node_modules/onnxruntime-node/script/install.js --onnxruntime-node-install'

/** A reason against a provider that is known without probing it, or null. */
function knownRefusal(provider: Provider, libraryPath: string): string | null {
  if (provider !== 'cuda') return null
  const name = cudaLibrary[process.platform]
  if (name === undefined || process.arch !== 'x64')
    return `CUDA is not offered for ${process.platform} on ${process.arch}.`
  if (existsSync(join(dirname(libraryPath), name))) return null
  return process.platform === 'linux'
    ? `The CUDA part of ONNX Runtime is not installed (${name} is missing). With an NVIDIA card, run: ${fetchCuda}`
    : `The CUDA part of ONNX Runtime is not installed (${name} is missing); WebGPU uses the same card without it.`
}

/** Options of a probe. */
export interface ProbeOptions {
  readonly libraryPath?: string
  readonly timeoutMs?: number
  /** Kinds of graph that exist; default all. Not every card supports float16. */
  readonly graphs?: readonly GraphFloats[]
}

/**
 * Probes one provider. GPU providers are probed in a child process: a driver that aborts is then a reason, and not the
 * end of the engine.
 */
export function probeProvider(
  provider: Provider,
  { graphs = ['float32', 'float16'], timeoutMs = 30_000, ...options }: ProbeOptions = {},
): ProviderProbe {
  const libraryPath = findOrtLibrary(options.libraryPath)
  const known = knownRefusal(provider, libraryPath)
  if (known !== null) return { provider, usable: false, reason: known }
  return probeFor(provider, graphs, (wanted) =>
    childEntry === null || provider === 'cpu'
      ? probeHere(provider, libraryPath, wanted)
      : probeInChild(childEntry, provider, libraryPath, wanted, timeoutMs),
  )
}

/**
 * Script of the engine process where a child can be started from it; null elsewhere. A packaged Electron binary may
 * refuse to act as Node and would open a second window; there the probe runs in the engine process, and its supervisor
 * reports a crash.
 */
const childEntry =
  process.versions['electron'] === undefined && /(?:process|engine-process)\.[cm]?[jt]s$/u.test(process.argv[1] ?? '')
    ? (process.argv[1] ?? null)
    : null

function probeInChild(
  entry: string,
  provider: Provider,
  libraryPath: string,
  wanted: readonly GraphFloats[],
  timeout: number,
): ProviderProbe {
  const child = spawnSync(process.execPath, [entry, '--probe-one', provider, libraryPath, wanted.join()], {
    timeout,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    windowsHide: true,
  })
  const answer = lastJsonLine(child.stdout)
  if (answer !== null) return answer
  const refused = (reason: string): ProviderProbe => ({ provider, usable: false, reason })
  if (child.error !== undefined && 'code' in child.error && child.error.code === 'ETIMEDOUT')
    return refused(`Its driver did not answer within ${timeout / 1000} s.`)
  if (child.error !== undefined) return refused(`It could not be tried: ${child.error.message}.`)
  return refused(`Its driver crashed when tried (${child.signal ?? `exit code ${child.status}`}).`)
}

/** Probes a provider in this process, with each kind of numbers in turn until it computes with one. */
export function probeHere(provider: Provider, libraryPath: string, wanted: readonly GraphFloats[]): ProviderProbe {
  let refusal: ProviderProbe = { provider, usable: false, reason: 'There was nothing to try.' }
  for (const floats of wanted) {
    const result = compute(provider, libraryPath, floats)
    if (result.usable) return result
    refusal = result
  }
  return refusal
}

function compute(provider: Provider, libraryPath: string, floats: GraphFloats): ProviderProbe {
  try {
    const environment = new OrtEnvironment(loadOrtApi(libraryPath))
    const { api } = environment
    const session = OrtSession.load(environment, probeGraph(floats), {
      threads: 1,
      provider: sessionProvider(provider),
    })
    const memory = OrtMemoryInfo.cpu(api)
    const Numbers = floats === 'float32' ? Float32Array : Float16Array
    const x = new Numbers(new ArrayBuffer(8), 0, 2)
    const y = new Numbers(new ArrayBuffer(8), 0, 2)
    x.set([1, 2])
    const binding = new OrtIoBinding(api, session)
    binding.input('x', OrtValue.over(api, memory, x, [2], floats))
    binding.output('y', OrtValue.over(api, memory, y, [2], floats))
    session.run(binding, new OrtRunOptions(api))
    binding.synchronizeOutputs()
    // No native object is released: this process ends next, or it is the engine and they take a few bytes.
    if (y[0] !== 2 || y[1] !== 4)
      return { provider, usable: false, reason: `It computed 1+1 and 2+2 as ${y[0]} and ${y[1]}.` }
    return { provider, usable: true, floats }
  } catch (thrown) {
    return {
      provider,
      usable: false,
      reason: thrown instanceof Error ? sentence(thrown.message) : 'It failed without a reason.',
    }
  }
}

/** Probes every provider: printed by `--probe` and shown by the doctor. */
export function probeProviders(libraryPath?: string): ProbeReport {
  const path = findOrtLibrary(libraryPath)
  const { version } = loadOrtApi(path)
  return {
    runtimeVersion: version,
    libraryPath: path,
    providers: order.map((provider) => probeProvider(provider, { libraryPath: path })),
  }
}

function sentence(message: string): string {
  return /[.!?]$/.test(message) ? message : `${message}.`
}

function lastJsonLine(output: string | null): ProviderProbe | null {
  const line = (output ?? '').trim().split('\n').at(-1) ?? ''
  if (!line.startsWith('{"provider"')) return null
  return JSON.parse(line) as ProviderProbe
}
