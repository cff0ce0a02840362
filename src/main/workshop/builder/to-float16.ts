import { SwitchboardError } from '../../../shared/errors/switchboard-error.ts'
import type { TensorBytes } from '../onnx/graph.ts'

/** The largest finite number of half precision. */
const LARGEST_HALF = 65_504

/**
 * The same numbers in half precision (IEEE 754 binary16), rounded to the nearest. Those nearer to zero than half
 * precision
 * reaches become zero.
 * @param bytes float32, in pieces that begin at a multiple of four.
 * @throws SwitchboardError model_unsupported while streaming, for numbers beyond half precision.
 */
export function asHalves(name: string, bytes: TensorBytes): TensorBytes {
  return async function* () {
    for await (const piece of bytes()) {
      const values = new Float32Array(piece.buffer, piece.byteOffset, piece.byteLength / 4)
      const halves = new Float16Array(values)
      if (halves.some((half) => !Number.isFinite(half))) {
        throw new SwitchboardError(
          'model_unsupported',
          `the weights of ${name} hold numbers beyond ${LARGEST_HALF}, the largest of fp16; import the model as fp32, int8 or int4`,
          { param: 'precision', details: { weights: name } },
        )
      }
      yield new Uint8Array(halves.buffer)
    }
  }
}
