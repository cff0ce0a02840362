import type { ImmediateDisposable } from '../../../shared/base/disposable.ts'
import type { Memory, OrtApi, Pointer } from './api.ts'

/** ONNX element types: numbers of TensorProto.DataType, and bytes per element. */
export const elementTypes = {
  float32: { code: 1, bytes: 4 },
  int32: { code: 6, bytes: 4 },
  int64: { code: 7, bytes: 8 },
  float16: { code: 10, bytes: 2 },
} as const

export type ElementType = keyof typeof elementTypes

/** Holds one native object and releases it once. */
class Native implements ImmediateDisposable {
  #address: Pointer
  readonly #release: (address: Pointer) => void

  constructor(address: Pointer, release: (address: Pointer) => void) {
    this.#address = address
    this.#release = release
  }

  /** @throws TypeError after disposal: a use after free would be a crash without a message. */
  get address(): Pointer {
    if (this.#address === 0n) throw new TypeError(`${this.constructor.name} was used after it was disposed`)
    return this.#address
  }

  dispose(): void {
    if (this.#address === 0n) return
    const address = this.#address
    this.#address = 0n
    this.#release(address)
  }
}

/** One per process: the runtime keeps global state behind it. */
export class OrtEnvironment extends Native {
  readonly api: OrtApi

  /** Logs errors only: warnings of the runtime concern its own optimiser. */
  constructor(api: OrtApi) {
    const environment = api.createEnv(3, 'switchboard')
    // Windows ignores the environment variable.
    api.disableTelemetry(environment)
    super(environment, api.releaseEnv)
    this.api = api
  }
}

export class OrtMemoryInfo extends Native {
  static cpu(api: OrtApi): OrtMemoryInfo {
    return new OrtMemoryInfo(api.createCpuMemoryInfo(), api.releaseMemoryInfo)
  }

  /** Memory of a provider's device: `Cuda` or `WebGPU_Buf`. */
  static device(api: OrtApi, name: string, deviceId = 0): OrtMemoryInfo {
    return new OrtMemoryInfo(api.createMemoryInfo(name, deviceId), api.releaseMemoryInfo)
  }
}

/** A tensor. A tensor over a typed array keeps the array alive, because the runtime holds only its address. */
export class OrtValue extends Native {
  readonly backing: unknown

  constructor(api: OrtApi, address: Pointer, backing: unknown = null) {
    super(address, api.releaseValue)
    this.backing = backing
  }

  /**
   * A tensor over existing memory; nothing is copied.
   * @param data an address, or a typed array outside the V8 heap (over its own ArrayBuffer), at least the size of the
   *   shape.
   */
  static over(api: OrtApi, memory: OrtMemoryInfo, data: Memory, shape: readonly number[], type: ElementType): OrtValue {
    const bytes = shape.reduce((product, size) => product * size, elementTypes[type].bytes)
    if (typeof data !== 'bigint' && data.byteLength < bytes)
      throw new RangeError(`a tensor of ${bytes} bytes over ${data.byteLength} bytes of memory`)
    return new OrtValue(
      api,
      api.createTensorOver(memory.address, data, bytes, int64(shape), elementTypes[type].code),
      data,
    )
  }

  /** A new tensor in the memory of an allocator. */
  static allocate(api: OrtApi, allocator: Pointer, shape: readonly number[], type: ElementType): OrtValue {
    return new OrtValue(api, api.createTensor(allocator, int64(shape), elementTypes[type].code))
  }
}

export class OrtRunOptions extends Native {
  readonly #api: OrtApi

  constructor(api: OrtApi) {
    super(api.createRunOptions(), api.releaseRunOptions)
    this.#api = api
  }

  /** Ends a run in progress on another thread, and every later one, with `cancelled` until {@link clear}. */
  terminate(): void {
    this.#api.setTerminate(this.address)
  }

  clear(): void {
    this.#api.unsetTerminate(this.address)
  }
}

/** Inputs and outputs of a run, bound once and used for many runs. */
export class OrtIoBinding extends Native {
  readonly #api: OrtApi

  constructor(api: OrtApi, session: OrtSession) {
    super(api.createBinding(session.address), api.releaseBinding)
    this.#api = api
  }

  input(name: string, value: OrtValue): void {
    this.#api.bindInput(this.address, name, value.address)
  }

  output(name: string, value: OrtValue): void {
    this.#api.bindOutput(this.address, name, value.address)
  }

  /** Waits for a device to finish writing the bound outputs; nothing on the CPU. */
  synchronizeOutputs(): void {
    this.#api.synchronizeOutputs(this.address)
  }
}

export interface SessionSettings {
  /** Worker threads; 0 lets the runtime take one per physical core. */
  readonly threads: number
  readonly provider: SessionProvider
  /** Runtime configuration entries, such as `session.intra_op.allow_spinning`. */
  readonly config?: Readonly<Record<string, string>>
  /** Path prefix of a file for the times of every operator, for measurements. */
  readonly profileTo?: string
}

export type SessionProvider =
  | { readonly kind: 'cpu' }
  | { readonly kind: 'webgpu'; readonly settings: Readonly<Record<string, string>> }
  | { readonly kind: 'cuda'; readonly settings: Readonly<Record<string, string>> }

/** A loaded graph. */
export class OrtSession extends Native {
  readonly api: OrtApi

  private constructor(api: OrtApi, address: Pointer) {
    super(address, api.releaseSession)
    this.api = api
  }

  /**
   * Loads a graph that runs completely on `provider`: by default the runtime would silently leave what a card cannot do
   * to the processor.
   * @param graph path of an .onnx file (weights beside it are mapped, not read), or its bytes.
   * @throws SwitchboardError model_corrupt, out_of_memory, provider_unavailable, engine_fault.
   */
  static load(environment: OrtEnvironment, graph: string | Uint8Array, settings: SessionSettings): OrtSession {
    const { api } = environment
    const options = new Native(api.createSessionOptions(), api.releaseSessionOptions)
    try {
      api.setGraphOptimisation(options.address, 99)
      api.setThreads(options.address, settings.threads)
      for (const [key, value] of Object.entries(settings.config ?? {})) api.addConfig(options.address, key, value)
      if (settings.profileTo !== undefined) api.enableProfiling(options.address, settings.profileTo)
      if (settings.provider.kind !== 'cpu') api.addConfig(options.address, 'session.disable_cpu_ep_fallback', '1')
      if (settings.provider.kind === 'webgpu') api.appendProvider(options.address, 'WebGPU', settings.provider.settings)
      if (settings.provider.kind === 'cuda') api.appendCuda(options.address, settings.provider.settings)
      const address =
        typeof graph === 'string'
          ? api.createSession(environment.address, graph, options.address)
          : api.createSessionFromBytes(environment.address, graph, options.address)
      return new OrtSession(api, address)
    } finally {
      options.dispose()
    }
  }

  inputNames(): string[] {
    return this.api.inputNames(this.address)
  }

  outputNames(): string[] {
    return this.api.outputNames(this.address)
  }

  /** One step: blocks the calling thread until the outputs are written. */
  run(binding: OrtIoBinding, options: OrtRunOptions): void {
    this.api.run(this.address, options.address, binding.address)
  }

  /**
   * An allocator for the memory this session's provider computes in; its tensors must be released before the session.
   */
  allocator(memory: OrtMemoryInfo): ImmediateDisposable & { readonly address: Pointer } {
    return new Native(this.api.createAllocator(this.address, memory.address), this.api.releaseAllocator)
  }
}

function int64(shape: readonly number[]): BigInt64Array {
  // Over its own ArrayBuffer: small typed arrays made by length are on the V8 heap, which moves them.
  const out = new BigInt64Array(new ArrayBuffer(Math.max(8, shape.length * 8)), 0, shape.length)
  shape.forEach((size, axis) => {
    out[axis] = BigInt(size)
  })
  return out
}
