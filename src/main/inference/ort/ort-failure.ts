import type { ErrorCode } from '../../../shared/errors/catalogue.ts'
import { SwitchboardError } from '../../../shared/errors/switchboard-error.ts'

/** OrtErrorCode by number (onnxruntime_c_api.h). */
const kinds: Readonly<Record<number, { readonly name: string; readonly code: ErrorCode }>> = {
  1: { name: 'FAIL', code: 'engine_fault' },
  2: { name: 'INVALID_ARGUMENT', code: 'engine_fault' },
  3: { name: 'NO_SUCHFILE', code: 'model_corrupt' },
  4: { name: 'NO_MODEL', code: 'model_corrupt' },
  5: { name: 'ENGINE_ERROR', code: 'engine_fault' },
  6: { name: 'RUNTIME_EXCEPTION', code: 'engine_fault' },
  7: { name: 'INVALID_PROTOBUF', code: 'model_corrupt' },
  8: { name: 'MODEL_LOADED', code: 'engine_fault' },
  9: { name: 'NOT_IMPLEMENTED', code: 'engine_fault' },
  10: { name: 'INVALID_GRAPH', code: 'model_corrupt' },
  11: { name: 'EP_FAIL', code: 'provider_unavailable' },
}

const outOfMemory =
  /out of memory|bad_alloc|bad allocation|failed to allocate|CUDA_ERROR_OUT_OF_MEMORY|cudaErrorMemoryAllocation|device is lost/i
const terminated = /terminate flag/i

/** A status of the runtime as a typed error, without the source paths of the runtime's build. */
export function ortFailure(operation: string, number: number, message: string): SwitchboardError {
  const kind = kinds[number] ?? { name: `status ${number}`, code: 'engine_fault' as const }
  const code = terminated.test(message) ? 'cancelled' : outOfMemory.test(message) ? 'out_of_memory' : kind.code
  return new SwitchboardError(code, plainMessage(message), { details: { operation, status: kind.name } })
}

/** The sentence for people, without file names and C++ signatures before it. */
export function plainMessage(message: string): string {
  return message
    .replace(/^(?:.*\] : )?\/?\S*onnxruntime_src\/\S+:\d+ .*?(?:was false\.|\)\s*(?=\S*[A-Z]))\s*/s, '')
    .replace(/\s+/g, ' ')
    .trim()
}
