import { blocksPerRow, packedBlockBytes, type QuantizationScheme } from './scheme.ts'

/*
 * Symmetric block-wise rounding in the layout of com.microsoft.MatMulNBits without zero points: codes are unsigned
 * around
 * 2^(bits - 1), so an int4 code c stands for (c - 8) * scale, an int8 code for (c - 128) * scale.
 * https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.MatMulNBits
 */

const SMALLEST_NORMAL_FLOAT = 2 ** -126
const LARGEST_FLOAT = (2 - 2 ** -23) * 2 ** 127

/**
 * One scale a block, `[rows, blocks]`, for finite `values` `[rows, width]`.
 *
 * A code reaches one step further below the middle than above it, so the weight of largest magnitude takes the lowest
 * code
 * and the scale takes the opposite of its sign. The scale is the smallest with which that weight is not cut and no
 * weight of
 * the other sign is cut by more than half a step: every weight is kept to within half its scale. Weights beyond 3e38
 * may
 * be cut further. A block of zeros, or of nothing above 1e-36, has scale 0.
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
  // with fewer bits than a float32 has, a scale would not hold its bound; processors may take it for 0 besides
  if (Math.abs(scale) < SMALLEST_NORMAL_FLOAT) return 0
  // code 0 has to stand for a finite number
  const largest = LARGEST_FLOAT / below
  return Math.fround(Math.max(-largest, Math.min(largest, scale)))
}

/**
 * The codes of finite `values` `[rows, width]` as `[rows, blocks, blockSize * bits / 8]`; of two int4 codes in a byte
 * the
 * first has the lower half. A row is filled up to whole blocks with codes that stand for 0.
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
      // weights too small for any scale are as good as 0
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

/**
 * No quotient is below -middle by more than rounding, so codes are positive and cutting off the fraction after adding a
 * half rounds to the nearest.
 */
function codeOf(value: number, inverseScale: number, middle: number, highest: number): number {
  const code = (value * inverseScale + middle + 0.5) | 0
  return code > highest ? highest : code
}

/** What the packed codes stand for, `[rows, width]`: the weights an operator computes with. */
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
