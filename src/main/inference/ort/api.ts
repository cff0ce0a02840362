import koffi, { type LibraryHandle, type TypeObject } from 'koffi'
import { SwitchboardError } from '../../../shared/errors/switchboard-error.ts'
import { ortFailure } from './ort-failure.ts'

/** An address in native memory; 0n is the null pointer. */
export type Pointer = bigint

/** A pointer argument: an address, or the memory of a typed array outside the V8 heap. */
export type Memory = Pointer | ArrayBufferView

/**
 * The position of each function in the table that `OrtGetApiBase()->GetApi(version)` returns. The table is append-only
 * (onnxruntime_c_api.h guards it with static asserts), so these numbers hold for every later release.
 */
const index = {
  CreateStatus: 0,
  GetErrorCode: 1,
  GetErrorMessage: 2,
  CreateEnv: 3,
  DisableTelemetryEvents: 6,
  CreateSession: 7,
  CreateSessionFromArray: 8,
  CreateSessionOptions: 10,
  EnableProfiling: 14,
  SetSessionGraphOptimizationLevel: 23,
  SetIntraOpNumThreads: 24,
  SessionGetInputCount: 30,
  SessionGetOutputCount: 31,
  SessionGetInputName: 36,
  SessionGetOutputName: 37,
  CreateRunOptions: 39,
  RunOptionsSetTerminate: 46,
  RunOptionsUnsetTerminate: 47,
  CreateTensorAsOrtValue: 48,
  CreateTensorWithDataAsOrtValue: 49,
  GetTensorMutableData: 51,
  CreateMemoryInfo: 68,
  CreateCpuMemoryInfo: 69,
  AllocatorFree: 76,
  GetAllocatorWithDefaultOptions: 78,
  ReleaseEnv: 92,
  ReleaseStatus: 93,
  ReleaseMemoryInfo: 94,
  ReleaseSession: 95,
  ReleaseValue: 96,
  ReleaseRunOptions: 97,
  ReleaseSessionOptions: 100,
  GetAvailableProviders: 125,
  ReleaseAvailableProviders: 126,
  AddSessionConfigEntry: 130,
  CreateAllocator: 131,
  ReleaseAllocator: 132,
  RunWithBinding: 133,
  CreateIoBinding: 134,
  ReleaseIoBinding: 135,
  BindInput: 136,
  BindOutput: 137,
  ClearBoundInputs: 141,
  ClearBoundOutputs: 142,
  SynchronizeBoundOutputs: 203,
  SessionOptionsAppendExecutionProvider_CUDA_V2: 204,
  CreateCUDAProviderOptions: 205,
  UpdateCUDAProviderOptions: 206,
  ReleaseCUDAProviderOptions: 208,
  SessionOptionsAppendExecutionProvider: 216,
} as const

type OrtFunction = keyof typeof index

/** The oldest API version with all functions of {@link index}; newer libraries still offer it. */
const API_VERSION = 20

/** Paths are wide strings on Windows (ORTCHAR_T). */
const pathType = process.platform === 'win32' ? 'const char16_t*' : 'const char*'

/**
 * The ONNX Runtime C API, called in-process. Every call that returns a status throws a typed error on failure; every
 * `create…` returns an address that its caller must release. Sizes are bytes, shapes are int64 arrays.
 */
export interface OrtApi {
  /** Such as `1.30.0`. */
  readonly version: string
  createEnv(logLevel: number, name: string): Pointer
  disableTelemetry(env: Pointer): void
  releaseEnv(env: Pointer): void
  createSessionOptions(): Pointer
  setGraphOptimisation(options: Pointer, level: number): void
  setThreads(options: Pointer, threads: number): void
  addConfig(options: Pointer, key: string, value: string): void
  appendProvider(options: Pointer, name: string, settings: Readonly<Record<string, string>>): void
  appendCuda(options: Pointer, settings: Readonly<Record<string, string>>): void
  /** Writes the times of every operator as JSON to a file with this path prefix, when the session is released. */
  enableProfiling(options: Pointer, pathPrefix: string): void
  releaseSessionOptions(options: Pointer): void
  createSession(env: Pointer, path: string, options: Pointer): Pointer
  createSessionFromBytes(env: Pointer, bytes: Uint8Array, options: Pointer): Pointer
  releaseSession(session: Pointer): void
  inputNames(session: Pointer): string[]
  outputNames(session: Pointer): string[]
  createRunOptions(): Pointer
  setTerminate(options: Pointer): void
  unsetTerminate(options: Pointer): void
  releaseRunOptions(options: Pointer): void
  createCpuMemoryInfo(): Pointer
  createMemoryInfo(name: string, deviceId: number): Pointer
  releaseMemoryInfo(info: Pointer): void
  createAllocator(session: Pointer, memory: Pointer): Pointer
  releaseAllocator(allocator: Pointer): void
  createTensor(allocator: Pointer, shape: BigInt64Array, elementType: number): Pointer
  createTensorOver(memory: Pointer, data: Memory, bytes: number, shape: BigInt64Array, elementType: number): Pointer
  tensorAddress(value: Pointer): Pointer
  releaseValue(value: Pointer): void
  createBinding(session: Pointer): Pointer
  bindInput(binding: Pointer, name: string, value: Pointer): void
  bindOutput(binding: Pointer, name: string, value: Pointer): void
  run(session: Pointer, options: Pointer, binding: Pointer): void
  synchronizeOutputs(binding: Pointer): void
  releaseBinding(binding: Pointer): void
  /** Names of the providers compiled into this library. */
  availableProviders(): string[]
}

const openLibraries: LibraryHandle[] = []

type Native = (...args: readonly unknown[]) => unknown

/** Settings that the library reads from the environment, because it offers no other way. */
function setRuntimeVariables(): void {
  // Since 1.29 the library reports telemetry by default, model names and hashes included; it reads this setting when
  // its environment is created (https://github.com/microsoft/onnxruntime/pull/27379).
  process.env['ORT_DISABLE_TELEMETRY'] = '1'
  // Read when a session is created. The tiled attention of GroupQueryAttention on the CPU decodes with a loop compiled
  // for the oldest processors of an architecture (MLAS, flashattn_gqa.cpp): on x64, SSE2. The other path uses the
  // kernels of the processor at hand. It keeps the scores of a whole chunk, which the memory plan counts. A value set
  // from outside wins, so that measurements can compare both.
  if (process.arch === 'x64') process.env['ORT_GQA_DISABLE_FLASH_ATTENTION'] ??= '1'
}

/**
 * Opens the library and checks its function table by calls with known answers.
 * @throws SwitchboardError provider_unavailable when the library cannot be used.
 */
export function loadOrtApi(libraryPath: string): OrtApi {
  let table: readonly Pointer[]
  let version: string
  try {
    setRuntimeVariables()
    const library = koffi.load(libraryPath)
    // Functions decoded from the table do not keep the library alive: it must not be garbage-collected.
    openLibraries.push(library)
    const base = library.func('OrtGetApiBase', 'void*', [])() as Pointer
    const [getApi, getVersion] = koffi.decode(base, koffi.array('void*', 2)) as readonly [Pointer, Pointer]
    version = (koffi.decode(getVersion, koffi.proto('const char*', [])) as () => string)()
    const api = (koffi.decode(getApi, koffi.proto('void*', ['uint32_t'])) as (wanted: number) => Pointer | null)(
      API_VERSION,
    )
    if (api === null || api === 0n)
      throw new TypeError(`ONNX Runtime ${version} does not offer API version ${API_VERSION}`)
    table = koffi.decode(api, koffi.array('void*', Math.max(...Object.values(index)) + 1)) as readonly Pointer[]
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new SwitchboardError(
      'provider_unavailable',
      `ONNX Runtime's library could not be opened: ${libraryPath}: ${reason}`,
      { cause },
    )
  }

  const bind = (name: OrtFunction, result: string, args: readonly string[]): Native => {
    const address = table[index[name]]
    if (address === undefined || address === 0n)
      throw new SwitchboardError('provider_unavailable', `ONNX Runtime ${version} lacks ${name}`)
    return koffi.decode(
      address,
      koffi.proto(
        result,
        args.map((arg): TypeObject | string => arg),
      ),
    ) as Native
  }
  const release = (name: OrtFunction) => bind(name, 'void', ['void*']) as (value: Pointer) => void
  const errorCode = bind('GetErrorCode', 'int', ['void*']) as (status: Pointer) => number
  const errorMessage = bind('GetErrorMessage', 'const char*', ['void*']) as (status: Pointer) => string
  const releaseStatus = release('ReleaseStatus')

  /** A function that returns a status: null is success, anything else is read, released and thrown. */
  const checked = (name: OrtFunction, args: readonly string[]) => {
    const call = bind(name, 'void*', args)
    return (...values: readonly unknown[]): void => {
      const status = call(...values) as Pointer | null
      if (status === null || status === 0n) return
      const failure = ortFailure(name, errorCode(status), errorMessage(status))
      releaseStatus(status)
      throw failure
    }
  }
  /** A checked function whose last argument receives an address. It allocates, so it is for set-up only. */
  const creating = (name: OrtFunction, args: readonly string[]) => {
    const call = checked(name, [...args, 'void*'])
    return (...values: readonly unknown[]): Pointer => {
      const out = new BigUint64Array(new ArrayBuffer(8))
      call(...values, out)
      return out[0] ?? 0n
    }
  }
  const keysAndValues = (settings: Readonly<Record<string, string>>) =>
    [Object.keys(settings), Object.values(settings), Object.keys(settings).length] as const

  const createSession = creating('CreateSession', ['void*', pathType, 'void*'])
  const createSessionFromArray = creating('CreateSessionFromArray', ['void*', 'void*', 'size_t', 'void*'])
  const appendProvider = checked('SessionOptionsAppendExecutionProvider', [
    'void*',
    'const char*',
    'const char**',
    'const char**',
    'size_t',
  ])
  const createCuda = creating('CreateCUDAProviderOptions', [])
  const updateCuda = checked('UpdateCUDAProviderOptions', ['void*', 'const char**', 'const char**', 'size_t'])
  const appendCuda = checked('SessionOptionsAppendExecutionProvider_CUDA_V2', ['void*', 'void*'])
  const releaseCuda = release('ReleaseCUDAProviderOptions')
  const createTensor = creating('CreateTensorAsOrtValue', ['void*', 'void*', 'size_t', 'int'])
  const createTensorOver = creating('CreateTensorWithDataAsOrtValue', [
    'void*',
    'void*',
    'size_t',
    'void*',
    'size_t',
    'int',
  ])
  const getAllocator = creating('GetAllocatorWithDefaultOptions', [])
  const allocatorFree = checked('AllocatorFree', ['void*', 'void*'])
  const inputCount = creating('SessionGetInputCount', ['void*'])
  const outputCount = creating('SessionGetOutputCount', ['void*'])
  const inputName = creating('SessionGetInputName', ['void*', 'size_t', 'void*'])
  const outputName = creating('SessionGetOutputName', ['void*', 'size_t', 'void*'])
  const providersInto = checked('GetAvailableProviders', ['void*', 'void*'])
  const releaseProviders = checked('ReleaseAvailableProviders', ['void*', 'int'])
  const createMemoryInfo = creating('CreateMemoryInfo', ['const char*', 'int', 'int', 'int'])
  const createCpuMemoryInfo = creating('CreateCpuMemoryInfo', ['int', 'int'])
  const names = (
    session: Pointer,
    count: (session: Pointer) => Pointer,
    nameAt: (...args: readonly unknown[]) => Pointer,
  ): string[] => {
    const allocator = getAllocator()
    return Array.from({ length: Number(count(session)) }, (_, position) => {
      const text = nameAt(session, position, allocator)
      const name = koffi.decode.string(text)
      allocatorFree(allocator, text)
      return name
    })
  }

  const api: OrtApi = {
    version,
    createEnv: creating('CreateEnv', ['int', 'const char*']),
    disableTelemetry: checked('DisableTelemetryEvents', ['void*']),
    releaseEnv: release('ReleaseEnv'),
    createSessionOptions: creating('CreateSessionOptions', []),
    setGraphOptimisation: checked('SetSessionGraphOptimizationLevel', ['void*', 'int']),
    setThreads: checked('SetIntraOpNumThreads', ['void*', 'int']),
    addConfig: checked('AddSessionConfigEntry', ['void*', 'const char*', 'const char*']),
    enableProfiling: checked('EnableProfiling', ['void*', pathType]),
    appendProvider: (options, name, settings) => appendProvider(options, name, ...keysAndValues(settings)),
    appendCuda: (options, settings) => {
      const cuda = createCuda()
      try {
        updateCuda(cuda, ...keysAndValues(settings))
        appendCuda(options, cuda)
      } finally {
        releaseCuda(cuda)
      }
    },
    releaseSessionOptions: release('ReleaseSessionOptions'),
    createSession: (env, path, options) => createSession(env, path, options),
    createSessionFromBytes: (env, bytes, options) => createSessionFromArray(env, bytes, bytes.byteLength, options),
    releaseSession: release('ReleaseSession'),
    inputNames: (session) => names(session, inputCount, inputName),
    outputNames: (session) => names(session, outputCount, outputName),
    createRunOptions: creating('CreateRunOptions', []),
    setTerminate: checked('RunOptionsSetTerminate', ['void*']),
    unsetTerminate: checked('RunOptionsUnsetTerminate', ['void*']),
    releaseRunOptions: release('ReleaseRunOptions'),
    createCpuMemoryInfo: () => createCpuMemoryInfo(1, 0),
    createMemoryInfo: (name, deviceId) => createMemoryInfo(name, 0, deviceId, 0),
    releaseMemoryInfo: release('ReleaseMemoryInfo'),
    createAllocator: creating('CreateAllocator', ['void*', 'void*']),
    releaseAllocator: release('ReleaseAllocator'),
    createTensor: (allocator, shape, elementType) => createTensor(allocator, shape, shape.length, elementType),
    createTensorOver: (memory, data, bytes, shape, elementType) =>
      createTensorOver(memory, data, bytes, shape, shape.length, elementType),
    tensorAddress: creating('GetTensorMutableData', ['void*']),
    releaseValue: release('ReleaseValue'),
    createBinding: creating('CreateIoBinding', ['void*']),
    bindInput: checked('BindInput', ['void*', 'const char*', 'void*']),
    bindOutput: checked('BindOutput', ['void*', 'const char*', 'void*']),
    run: checked('RunWithBinding', ['void*', 'void*', 'void*']),
    synchronizeOutputs: checked('SynchronizeBoundOutputs', ['void*']),
    releaseBinding: release('ReleaseIoBinding'),
    availableProviders: () => {
      const out = new BigUint64Array(new ArrayBuffer(16))
      const count = new Int32Array(new ArrayBuffer(4))
      providersInto(out, count)
      const list = out[0] ?? 0n
      const length = count[0] ?? 0
      const found = (koffi.decode(list, koffi.array('void*', length)) as Pointer[]).map((text) =>
        koffi.decode.string(text),
      )
      releaseProviders(list, length)
      return found
    },
  }

  // Known answers from both ends of the table: a status that reads back as written, and a list that always contains the
  // CPU.
  const createStatus = bind('CreateStatus', 'void*', ['int', 'const char*']) as (
    code: number,
    message: string,
  ) => Pointer
  const status = createStatus(2, 'anchor')
  const statusReads = errorCode(status) === 2 && errorMessage(status) === 'anchor'
  releaseStatus(status)
  if (!statusReads || !api.availableProviders().includes('CPUExecutionProvider')) {
    throw new SwitchboardError(
      'provider_unavailable',
      `ONNX Runtime ${version} lays out its functions differently than expected; install the version Switchboard was made for.`,
    )
  }
  return api
}
