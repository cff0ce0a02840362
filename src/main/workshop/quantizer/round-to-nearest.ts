import { blocksPerRow, packedBlockBytes, type QuantizationScheme } from './scheme.ts'

/*
 * Symmetric block-wise rounding in the layout of com.microsoft.MatMulNBits without zero points. Codes are unsigned and
 * centred on 2^(bits - 1): an int4 code c stands for (c - 8) * scale, an int8 code for (c - 128) * scale.
 * https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.MatMulNBits
 */

const MIN_NORMAL_FLOAT = 2 ** -126
const MAX_FLOAT = (2 - 2 ** -23) * 2 ** 127

/**
 * One scale per block, `[rows, blocks]`, for finite `values` `[rows, width]`.
 *
 * Codes reach one step further below the middle than above it, so the weight of largest magnitude takes the lowest code
 * and the scale takes the opposite of its sign. The scale is the smallest one that does not clip this weight and clips no
 * weight of the other sign by more than half a step: the error of every weight is at most half the scale. Weights beyond
 * 3e38 may be clipped further. A block without a weight above 1e-36 has scale 0.
 */
export function blockScales(values: Float32Array, width: number, scheme: QuantizationScheme): Float32Array {
  const blocks = blocksPerRow(width, scheme)
  const rows = values.length / width
  const scales = new Float32Array(rows * blocks)
  for (let row = 0; row < rows; row++) {
    for (let block = 0; block < blocks; block++) {
      const first = row * width + block * scheme.blockSize
      scales[row * blocks + block] = scaleOf(
        values,
        first,
        Math.min(first + scheme.blockSize, (row + 1) * width),
        scheme.bits,
      )
    }
  }
  return scales
}

function scaleOf(values: Float32Array, first: number, end: number, bits: 4 | 8): number {
  let lowest = 0
  let highest = 0
  for (let index = first; index < end; index++) {
    const value = values[index] ?? 0
    if (value < lowest) lowest = value
    if (value > highest) highest = value
  }
  const below = 2 ** (bits - 1)
  const above = below - 0.5
  const scale =
    highest <= -lowest ? Math.max(-lowest / below, highest / above) : -Math.max(highest / below, -lowest / above)
  // a subnormal scale is too coarse for the bound, and processors may flush it to 0
  if (Math.abs(scale) < MIN_NORMAL_FLOAT) return 0
  // code 0 has to stand for a finite number
  const limit = MAX_FLOAT / below
  return Math.fround(Math.max(-limit, Math.min(limit, scale)))
}

/**
 * The codes of finite `values` `[rows, width]` as `[rows, blocks, blockSize * bits / 8]`. A byte holds two int4 codes, the
 * first in its lower half. Rows are padded to whole blocks with codes that stand for 0.
 */
export function packBlocks(values: Float32Array, width: number, scheme: QuantizationScheme): Uint8Array {
  const { bits, blockSize } = scheme
  const blocks = blocksPerRow(width, scheme)
  const rows = values.length / width
  const packed = new Uint8Array(rows * blocks * packedBlockBytes(scheme)).fill(bits === 4 ? 0x88 : 0x80)
  for (let row = 0; row < rows; row++) {
    for (let block = 0; block < blocks; block++) {
      const first = row * width + block * blockSize
      const end = Math.min(first + blockSize, (row + 1) * width)
      const scale = scaleOf(values, first, end, bits)
      // weights too small for any scale stay 0
      if (scale === 0) continue
      const target = (row * blocks + block) * packedBlockBytes(scheme)
      if (bits === 8) {
        for (let index = first; index < end; index++)
          packed[target + index - first] = codeOf(values[index] ?? 0, 1 / scale, 128, 255)
      } else {
        for (let index = first; index < end; index += 2) {
          const upper = index + 1 < end ? codeOf(values[index + 1] ?? 0, 1 / scale, 8, 15) : 8
          packed[target + ((index - first) >> 1)] = codeOf(values[index] ?? 0, 1 / scale, 8, 15) | (upper << 4)
        }
      }
    }
  }
  return packed
}

/** The nearest code. Codes are never negative, so adding a half and truncating rounds to the nearest. */
function codeOf(value: number, inverseScale: number, middle: number, highest: number): number {
  const code = (value * inverseScale + middle + 0.5) | 0
  return code > highest ? highest : code
}

/** The weights `[rows, width]` that packed codes and scales stand for. */
export function unpackBlocks(
  packed: Uint8Array,
  scales: Float32Array,
  width: number,
  scheme: QuantizationScheme,
): Float32Array {
  const { bits, blockSize } = scheme
  const blocks = blocksPerRow(width, scheme)
  const rows = scales.length / blocks
  const middle = 2 ** (bits - 1)
  const values = new Float32Array(rows * width)
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < width; column++) {
      const block = row * blocks + Math.floor(column / blockSize)
      const at = block * blockSize + (column % blockSize)
      const code = bits === 8 ? packed[at] : ((packed[at >> 1] ?? 0) >> (at % 2 === 0 ? 0 : 4)) & 0x0f
      values[row * width + column] = ((code ?? middle) - middle) * (scales[block] ?? 0)
    }
  }
  return values
}
