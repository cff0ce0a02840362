import koffi from 'koffi'

/** NVIDIA's management library (NVML), which comes with the driver. */
const libraryNames: Readonly<Partial<Record<NodeJS.Platform, string>>> = {
  linux: 'libnvidia-ml.so.1',
  win32: 'nvml.dll',
}

const SUCCESS = 0

/** Reserve for the driver's part of this process and for the desktop. */
const SHARE = 0.9

/**
 * Memory of the NVIDIA card available to a model, bytes: what its driver reports as free, minus a reserve. null when
 * unknown: without such a driver, or with several cards, which NVML and CUDA number differently.
 * Source: NVML API reference, nvmlDeviceGetMemoryInfo.
 */
export function cardMemory(libraryPath = libraryNames[process.platform]): number | null {
  if (libraryPath === undefined) return null
  try {
    const library = koffi.load(libraryPath)
    const call = (name: string, args: readonly string[], ...values: readonly unknown[]): boolean =>
      library.func(name, 'int', [...args])(...values) === SUCCESS
    if (!call('nvmlInit_v2', [])) return null
    try {
      const count = new Uint32Array(new ArrayBuffer(4))
      const card = new BigUint64Array(new ArrayBuffer(8))
      // nvmlMemory_t: total, free, used.
      const memory = new BigUint64Array(new ArrayBuffer(24))
      if (!call('nvmlDeviceGetCount_v2', ['void*'], count) || count[0] !== 1) return null
      if (!call('nvmlDeviceGetHandleByIndex_v2', ['uint32_t', 'void*'], 0, card)) return null
      return call('nvmlDeviceGetMemoryInfo', ['void*', 'void*'], card[0], memory)
        ? Math.floor(Number(memory[1]) * SHARE)
        : null
    } finally {
      call('nvmlShutdown', [])
    }
  } catch {
    // No NVIDIA driver, or one without these functions.
    return null
  }
}
