import { SwitchboardError } from '../../../shared/errors/switchboard-error.ts'
import type { TensorBytes } from '../onnx/graph.ts'

/** Largest finite float16. */
const MAX_FLOAT16 = 65_504

/**
 * The same numbers as float16 (IEEE 754 binary16), rounded to the nearest; numbers too small for float16 become zero.
 * @param bytes float32, in pieces that begin at a multiple of four.
 * @throws SwitchboardError model_unsupported while streaming, for numbers beyond float16.
 */
export function asFloat16(name: string, bytes: TensorBytes): TensorBytes {
  return async function* () {
    for await (const piece of bytes()) {
      const values = new Float32Array(piece.buffer, piece.byteOffset, piece.byteLength / 4)
      const converted = new Float16Array(values)
      if (converted.some((value) => !Number.isFinite(value))) {
        throw new SwitchboardError(
          'model_unsupported',
          `the weights of ${name} hold numbers beyond ${MAX_FLOAT16}, the largest of fp16; import the model as fp32, int8 or int4`,
          { param: 'precision', details: { weights: name } },
        )
      }
      yield new Uint8Array(converted.buffer)
    }
  }
}
