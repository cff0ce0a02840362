import type { ImmediateDisposable } from '../../../shared/base/disposable.ts'
import type { GraphDescription, GraphFloats } from '../../../shared/contracts/graph.ts'
import type { Provider } from '../../../shared/domain/generation.ts'
import { SwitchboardError } from '../../../shared/errors/switchboard-error.ts'
import { elementTypes, OrtMemoryInfo, OrtValue, type OrtSession } from '../ort/session.ts'

/**
 * The KV cache of all slots: per layer a key and a value tensor `[slots, kvHeads, maxLength, headDim]`. A view of the
 * slots [first, first + count) is the same memory from the first slot on, so that entering or leaving a batch copies
 * nothing.
 */
export interface KvMemory extends ImmediateDisposable {
  /** Slots of one view: all where memory has addresses, 1 where it has handles. */
  readonly maxSpan: number
  readonly bytes: number
  /** Tensors in the order key 0, value 0, key 1, value 1, …; the caller disposes them before this memory. */
  view(first: number, count: number): OrtValue[]
  /** Gives slot `to` the first `positions` of slot `from`; null where this process cannot write the memory. */
  readonly copy: ((from: number, to: number, positions: number) => void) | null
}

export interface KvShape {
  readonly slots: number
  readonly maxLength: number
  readonly description: GraphDescription
  /** Numbers of the graph that runs. */
  readonly floats: GraphFloats
}

export function kvBytes(shape: KvShape): number {
  return 2 * shape.description.layers * shape.slots * slotBytes(shape)
}

function slotBytes({ maxLength, floats, description: { kvHeads, headDim } }: KvShape): number {
  return kvHeads * maxLength * headDim * elementTypes[floats].bytes
}

/** KV memory on the session's provider. */
export function createKvMemory(session: OrtSession, provider: Provider, shape: KvShape): KvMemory {
  if (provider === 'cpu') return cpuMemory(session, shape)
  return provider === 'cuda' ? cudaMemory(session, shape) : handleMemory(session, shape)
}

/**
 * Memory of this process. The system provides large ArrayBuffers zeroed page by page, so that unused slots cost
 * nothing.
 */
function cpuMemory(session: OrtSession, shape: KvShape): KvMemory {
  const { slots, maxLength, description, floats } = shape
  const { api } = session
  const perSlot = slotBytes(shape)
  const memory = OrtMemoryInfo.cpu(api)
  const buffers = reserve(2 * description.layers, slots * perSlot)
  const bytes = buffers.map((buffer) => new Uint8Array(buffer))
  const perHead = perSlot / description.kvHeads
  const perPosition = perHead / maxLength
  return {
    maxSpan: slots,
    bytes: kvBytes(shape),
    view: (first, count) =>
      buffers.map((buffer) =>
        OrtValue.over(
          api,
          memory,
          new Uint8Array(buffer, first * perSlot, count * perSlot),
          [count, description.kvHeads, maxLength, description.headDim],
          floats,
        ),
      ),
    copy: (from, to, positions) => {
      for (const buffer of bytes) {
        for (let head = 0; head < description.kvHeads; head += 1) {
          const source = from * perSlot + head * perHead
          buffer.copyWithin(to * perSlot + head * perHead, source, source + positions * perPosition)
        }
      }
    },
    dispose: () => memory.dispose(),
  }
}

/**
 * @throws SwitchboardError out_of_memory. The size was planned before (memory-plan.ts); this is a refusal of the system
 *   itself.
 */
function reserve(count: number, bytes: number): ArrayBuffer[] {
  try {
    return Array.from({ length: count }, () => new ArrayBuffer(bytes))
  } catch (cause) {
    throw new SwitchboardError('out_of_memory', `${count} buffers of ${bytes} bytes cannot be reserved.`, { cause })
  }
}

/** On failure, releases what was allocated before. */
function allOrNone(count: number, allocate: () => OrtValue): OrtValue[] {
  const taken: OrtValue[] = []
  try {
    while (taken.length < count) taken.push(allocate())
  } catch (failure) {
    for (const value of taken) value.dispose()
    throw failure
  }
  return taken
}

/** CUDA memory has addresses: one tensor of all slots, with views by address. */
function cudaMemory(session: OrtSession, shape: KvShape): KvMemory {
  const { slots, maxLength, description, floats } = shape
  const { api } = session
  const perSlot = slotBytes(shape)
  const memory = OrtMemoryInfo.device(api, 'Cuda')
  const allocator = session.allocator(memory)
  const tensors = allOrNone(2 * description.layers, () =>
    OrtValue.allocate(api, allocator.address, [slots, description.kvHeads, maxLength, description.headDim], floats),
  )
  const addresses = tensors.map((tensor) => api.tensorAddress(tensor.address))
  return {
    maxSpan: slots,
    bytes: kvBytes(shape),
    view: (first, count) =>
      addresses.map((address) =>
        OrtValue.over(
          api,
          memory,
          address + BigInt(first * perSlot),
          [count, description.kvHeads, maxLength, description.headDim],
          floats,
        ),
      ),
    copy: null,
    dispose: () => {
      for (const tensor of tensors) tensor.dispose()
      allocator.dispose()
      memory.dispose()
    },
  }
}

/** WebGPU buffers are handles without addresses: one tensor per slot, one row per run. */
function handleMemory(session: OrtSession, shape: KvShape): KvMemory {
  const { maxLength, description, floats } = shape
  const { api } = session
  const memory = OrtMemoryInfo.device(api, 'WebGPU_Buf')
  const allocator = session.allocator(memory)
  const taken = new Set<number>()
  return {
    maxSpan: 1,
    bytes: kvBytes(shape),
    view: (first, count) => {
      // A second view would be other memory; the decoder keeps one per slot for its whole life.
      if (count !== 1 || taken.has(first)) throw new RangeError('WebGPU memory offers one view of one slot')
      taken.add(first)
      return allOrNone(2 * description.layers, () =>
        OrtValue.allocate(api, allocator.address, [1, description.kvHeads, maxLength, description.headDim], floats),
      )
    },
    copy: null,
    dispose: () => {
      allocator.dispose()
      memory.dispose()
    },
  }
}
