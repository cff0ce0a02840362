import type { GraphFloats } from '../../../shared/contracts/graph.ts'
import { elementTypes } from './session.ts'

/**
 * The smallest graph that shows that a provider computes with these numbers: y = x + x, [2], as the bytes of an ONNX
 * ModelProto (IR version 8, opset 13). Written by hand, so that probing needs no file.
 */
export function probeGraph(floats: GraphFloats): Uint8Array {
  const bytes = (...parts: readonly (readonly number[])[]): number[] => parts.flat()
  const text = (value: string): number[] => [...new TextEncoder().encode(value)]
  /** A length-delimited protobuf field. */
  const field = (number: number, content: readonly number[]): number[] => [number * 8 + 2, content.length, ...content]
  const integer = (number: number, value: number): number[] => [number * 8, value]
  const shape = field(1, integer(1, 2))
  const tensor = bytes(integer(1, elementTypes[floats].code), field(2, shape))
  const port = (name: string): number[] => bytes(field(1, text(name)), field(2, field(1, tensor)))
  const add = bytes(field(1, text('x')), field(1, text('x')), field(2, text('y')), field(4, text('Add')))
  const graph = bytes(field(1, add), field(2, text('probe')), field(11, port('x')), field(12, port('y')))
  return Uint8Array.from(bytes(integer(1, 8), field(7, graph), field(8, integer(2, 13))))
}
