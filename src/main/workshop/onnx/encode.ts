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
import type { ExternalLocation } from './external-data.ts'

const dataTypes: Readonly<Record<ElementType, TensorProto_DataType>> = {
  float32: TensorProto_DataType.FLOAT,
  float16: TensorProto_DataType.FLOAT16,
  uint8: TensorProto_DataType.UINT8,
  int8: TensorProto_DataType.INT8,
  int32: TensorProto_DataType.INT32,
  int64: TensorProto_DataType.INT64,
}

/** IR version 10 (2024-03-25) belongs to operator set 21; a newer one would exclude older runtimes without need. */
const IR_VERSION = 10n

/** The graph as the bytes of `model.onnx` (ModelProto); `locations` says where each external initialiser is stored. */
export function encodeModel(graph: OnnxGraph, locations: ReadonlyMap<string, ExternalLocation>): Uint8Array {
  const model = create(ModelProtoSchema, {
    irVersion: IR_VERSION,
    producerName: graph.producer,
    opsetImport: Object.entries(graph.operatorSets).map(([domain, version]) => ({ domain, version: BigInt(version) })),
    graph: {
      name: graph.name,
      node: graph.nodes.map(encodeNode),
      initializer: graph.initialisers.map((initialiser) => encodeInitialiser(initialiser, locations)),
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

function encodeInitialiser(initialiser: Initialiser, locations: ReadonlyMap<string, ExternalLocation>): TensorProto {
  const shape = {
    name: initialiser.name,
    dataType: dataTypes[initialiser.type],
    dims: initialiser.dimensions.map(BigInt),
  }
  if (initialiser.kind === 'inline') return create(TensorProtoSchema, { ...shape, rawData: initialiser.bytes })
  const location = locations.get(initialiser.name)
  if (location === undefined) throw new Error(`initialiser ${initialiser.name} was not written`)
  return create(TensorProtoSchema, {
    ...shape,
    dataLocation: TensorProto_DataLocation.EXTERNAL,
    externalData: [
      { key: 'location', value: location.file },
      { key: 'offset', value: String(location.offset) },
      { key: 'length', value: String(location.byteLength) },
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
