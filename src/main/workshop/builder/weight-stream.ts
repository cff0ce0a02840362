import { SwitchboardError } from '../../../shared/errors/switchboard-error.ts'
import type { TensorBytes } from '../onnx/graph.ts'
import type { Weight } from './checkpoint.ts'
import { storedElementBytes } from './safetensors-header.ts'
import { toFloat32 } from './to-float32.ts'

/** Elements read and converted at once: 4 MiB as float32. */
const BLOCK_ELEMENTS = 1 << 20
/** Elements of transposed output held at once: 64 MiB as float32. Larger tensors are read in several passes. */
const PANEL_ELEMENTS = 1 << 24

/** Buffers of one stream, reused for each block. */
class Blocks {
  readonly #stored = new Uint8Array(BLOCK_ELEMENTS * 4)
  readonly #values = new Float32Array(BLOCK_ELEMENTS)

  /** Elements [first, first + count) of a weight as float32; valid until the next read. */
  async read(weight: Weight, first: number, count: number): Promise<Float32Array> {
    const target = count <= BLOCK_ELEMENTS ? this.#values.subarray(0, count) : new Float32Array(count)
    const stored = count <= BLOCK_ELEMENTS ? this.#stored : new Uint8Array(count * storedElementBytes[weight.type])
    await readElements(weight, first, target, stored.subarray(0, count * storedElementBytes[weight.type]))
    return target
  }
}

/** Reads elements [first, first + target.length) of a weight as float32; `stored` takes their stored form. */
async function readElements(weight: Weight, first: number, target: Float32Array, stored: Uint8Array): Promise<void> {
  const bytes = storedElementBytes[weight.type]
  await weight.source.read(stored, weight.position + first * bytes)
  if (!toFloat32(weight.type, stored, target.length, target)) {
    throw new SwitchboardError(
      'model_corrupt',
      `${weight.source.name}: tensor ${weight.name} has values that are not finite`,
      { details: { file: weight.source.name, tensor: weight.name } },
    )
  }
}

const asBytes = (values: Float32Array | Uint8Array): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength)

/** The weights one after the other in their stored order, as float32: a matrix as it is, or vectors joined into one. */
export function inStoredOrder(weights: readonly Weight[]): TensorBytes {
  return async function* () {
    const blocks = new Blocks()
    for (const weight of weights) {
      const total = weight.shape.reduce((product, extent) => product * extent, 1)
      for (let first = 0; first < total; first += BLOCK_ELEMENTS) {
        yield asBytes(await blocks.read(weight, first, Math.min(BLOCK_ELEMENTS, total - first)))
      }
    }
  }
}

/** Matrices `[out, width]` one below the other, each passed through `encode` some whole rows at a time. */
export function rowsEncoded(
  weights: readonly Weight[],
  encode: (rows: Float32Array, width: number) => Float32Array | Uint8Array,
): TensorBytes {
  return async function* () {
    const blocks = new Blocks()
    for (const weight of weights) {
      const [rows = 0, width = 0] = weight.shape
      const rowsPerBlock = Math.max(1, Math.floor(BLOCK_ELEMENTS / width))
      for (let first = 0; first < rows; first += rowsPerBlock) {
        yield asBytes(
          encode(await blocks.read(weight, first * width, Math.min(rowsPerBlock, rows - first) * width), width),
        )
      }
    }
  }
}

/**
 * Linear weights of shape [out, in], transposed and set side by side: [in, sum of outs], as MatMul wants them.
 *
 * ```
 *   q [outQ, in]                      in 0 | q q q q k k v v
 *   k [outK, in]   -> transpose ->    in 1 | q q q q k k v v     built and written one panel of rows at a time
 *   v [outV, in]                      in 2 | q q q q k k v v
 * ```
 */
export function transposedSideBySide(weights: readonly Weight[], panelElements: number = PANEL_ELEMENTS): TensorBytes {
  return async function* () {
    const inputs = weights[0]?.shape[1] ?? 0
    const width = weights.reduce((sum, weight) => sum + (weight.shape[0] ?? 0), 0)
    const panelRows = Math.max(1, Math.min(inputs, Math.floor(panelElements / width)))
    const panel = new Float32Array(panelRows * width)
    const blocks = new Blocks()
    for (let start = 0; start < inputs; start += panelRows) {
      const rows = Math.min(panelRows, inputs - start)
      let offset = 0
      for (const weight of weights) {
        await transposeInto(blocks, panel, width, offset, weight, start, rows)
        offset += weight.shape[0] ?? 0
      }
      yield asBytes(panel.subarray(0, rows * width))
    }
  }
}

/** panel[row, offset + out] = weight[out, start + row] for all outs and `rows` rows. */
async function transposeInto(
  blocks: Blocks,
  panel: Float32Array,
  width: number,
  offset: number,
  weight: Weight,
  start: number,
  rows: number,
): Promise<void> {
  const [outs = 0, inputs = 0] = weight.shape
  const whole = rows === inputs
  const outsPerBlock = whole ? Math.max(1, Math.floor(BLOCK_ELEMENTS / inputs)) : 1
  for (let first = 0; first < outs; first += outsPerBlock) {
    const count = Math.min(outsPerBlock, outs - first)
    transposeBlock(
      await blocks.read(weight, first * inputs + start, count * rows),
      count,
      rows,
      panel,
      width,
      offset + first,
    )
  }
}

/** Square tiles keep source and target of the transposition in the cache. */
function transposeBlock(
  block: Float32Array,
  outs: number,
  rows: number,
  panel: Float32Array,
  width: number,
  offset: number,
): void {
  const tile = 32
  for (let rowTile = 0; rowTile < rows; rowTile += tile) {
    const rowEnd = Math.min(rowTile + tile, rows)
    for (let outTile = 0; outTile < outs; outTile += tile) {
      const outEnd = Math.min(outTile + tile, outs)
      for (let row = rowTile; row < rowEnd; row++) {
        const target = row * width + offset
        for (let out = outTile; out < outEnd; out++) panel[target + out] = block[out * rows + row] ?? 0
      }
    }
  }
}
