import { create, toBinary } from '@bufbuild/protobuf'
import {
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  TensorProto_DataLocation,
  TensorProto_DataType,
  TensorProtoSchema,
  ValueInfoProtoSchema,
  type AttributeProto,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from './generated/onnx_pb.js'
import { assertNever } from '../../../shared/base/assert-never.ts'
import type { AttributeValue, ElementType, GraphNode, Initialiser, OnnxGraph, ValueDeclaration } from './graph.ts'
import type { ExternalPlace } from './external-data.ts'

const dataTypes: Readonly<Record<ElementType, TensorProto_DataType>> = {
  float32: TensorProto_DataType.FLOAT,
  float16: TensorProto_DataType.FLOAT16,
  uint8: TensorProto_DataType.UINT8,
  int8: TensorProto_DataType.INT8,
  int32: TensorProto_DataType.INT32,
  int64: TensorProto_DataType.INT64,
}

/** IR version 10 (2024-03-25) goes with operator set 21; older runtimes refuse newer ones without need. */
const IR_VERSION = 10n

/** The graph as the bytes of `model.onnx` (ModelProto); `places` says where each external initialiser lies. */
export function encodeModel(graph: OnnxGraph, places: ReadonlyMap<string, ExternalPlace>): Uint8Array {
  const model = create(ModelProtoSchema, {
    irVersion: IR_VERSION,
    producerName: graph.producer,
    opsetImport: Object.entries(graph.operatorSets).map(([domain, version]) => ({ domain, version: BigInt(version) })),
    graph: {
      name: graph.name,
      node: graph.nodes.map(encodeNode),
      initializer: graph.initialisers.map((initialiser) => encodeInitialiser(initialiser, places)),
      input: graph.inputs.map(encodeValue),
      output: graph.outputs.map(encodeValue),
    },
  })
  return toBinary(ModelProtoSchema, model)
}

function encodeNode(node: GraphNode): NodeProto {
  return create(NodeProtoSchema, {
    name: node.name,
    opType: node.operator,
    domain: node.domain,
    input: [...node.inputs],
    output: [...node.outputs],
    attribute: Object.entries(node.attributes).map(([name, value]) => encodeAttribute(name, value)),
  })
}

function encodeAttribute(name: string, attribute: AttributeValue): AttributeProto {
  switch (attribute.kind) {
    case 'int':
      return create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.INT, i: BigInt(attribute.value) })
    case 'type':
      return create(AttributeProtoSchema, {
        name,
        type: AttributeProto_AttributeType.INT,
        i: BigInt(dataTypes[attribute.value]),
      })
    case 'float':
      return create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.FLOAT, f: attribute.value })
    default:
      return assertNever(attribute, 'encodeAttribute')
  }
}

function encodeInitialiser(initialiser: Initialiser, places: ReadonlyMap<string, ExternalPlace>): TensorProto {
  const shape = {
    name: initialiser.name,
    dataType: dataTypes[initialiser.type],
    dims: initialiser.dimensions.map(BigInt),
  }
  if (initialiser.kind === 'inline') return create(TensorProtoSchema, { ...shape, rawData: initialiser.bytes })
  const place = places.get(initialiser.name)
  if (place === undefined) throw new Error(`initialiser ${initialiser.name} was not written`)
  return create(TensorProtoSchema, {
    ...shape,
    dataLocation: TensorProto_DataLocation.EXTERNAL,
    externalData: [
      { key: 'location', value: place.file },
      { key: 'offset', value: String(place.offset) },
      { key: 'length', value: String(place.byteLength) },
    ],
  })
}

function encodeValue(declaration: ValueDeclaration): ValueInfoProto {
  const dim = declaration.dimensions.map((extent) =>
    typeof extent === 'number'
      ? { value: { case: 'dimValue' as const, value: BigInt(extent) } }
      : { value: { case: 'dimParam' as const, value: extent } },
  )
  return create(ValueInfoProtoSchema, {
    name: declaration.name,
    type: { value: { case: 'tensorType', value: { elemType: dataTypes[declaration.type], shape: { dim } } } },
  })
}
