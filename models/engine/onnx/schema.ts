import protobuf from 'protobufjs'

/**
 * The part of ONNX's protocol buffers (onnx.proto3, IR version 9) that a lowered program needs. Field numbers are the
 * format's.
 */
const field = (id: number, type: string, rule?: 'repeated') => (rule === undefined ? { id, type } : { id, type, rule })

const root = protobuf.Root.fromJSON({
  nested: {
    Model: {
      fields: {
        irVersion: field(1, 'int64'),
        producerName: field(2, 'string'),
        graph: field(7, 'Graph'),
        opsetImport: field(8, 'OperatorSet', 'repeated'),
      },
    },
    OperatorSet: { fields: { domain: field(1, 'string'), version: field(2, 'int64') } },
    Graph: {
      fields: {
        node: field(1, 'Node', 'repeated'),
        name: field(2, 'string'),
        initializer: field(5, 'Tensor', 'repeated'),
        input: field(11, 'ValueInfo', 'repeated'),
        output: field(12, 'ValueInfo', 'repeated'),
      },
    },
    Node: {
      fields: {
        input: field(1, 'string', 'repeated'),
        output: field(2, 'string', 'repeated'),
        name: field(3, 'string'),
        opType: field(4, 'string'),
        attribute: field(5, 'Attribute', 'repeated'),
        domain: field(7, 'string'),
      },
    },
    Attribute: {
      fields: {
        name: field(1, 'string'),
        f: field(2, 'float'),
        i: field(3, 'int64'),
        s: field(4, 'bytes'),
        ints: field(8, 'int64', 'repeated'),
        type: field(20, 'int32'),
      },
    },
    Tensor: {
      fields: {
        dims: field(1, 'int64', 'repeated'),
        dataType: field(2, 'int32'),
        name: field(8, 'string'),
        rawData: field(9, 'bytes'),
        externalData: field(13, 'Entry', 'repeated'),
        dataLocation: field(14, 'int32'),
      },
    },
    Entry: { fields: { key: field(1, 'string'), value: field(2, 'string') } },
    ValueInfo: { fields: { name: field(1, 'string'), type: field(2, 'Type') } },
    Type: { fields: { tensorType: field(1, 'TensorType') } },
    TensorType: { fields: { elemType: field(1, 'int32'), shape: field(2, 'Shape') } },
    Shape: { fields: { dim: field(1, 'Dimension', 'repeated') } },
    Dimension: { fields: { dimValue: field(1, 'int64') } },
  },
})
const model = root.lookupType('Model')

export interface OnnxAttribute {
  readonly name: string
  readonly type: number
  readonly f?: number
  readonly i?: number
  readonly s?: Uint8Array
  readonly ints?: readonly number[]
}
export interface OnnxNode {
  readonly opType: string
  readonly name: string
  readonly domain?: string
  readonly input: readonly string[]
  readonly output: readonly string[]
  readonly attribute: readonly OnnxAttribute[]
}
export interface OnnxTensor {
  readonly name: string
  readonly dims: readonly number[]
  readonly dataType: number
  readonly rawData?: Uint8Array
  readonly externalData?: readonly { readonly key: string; readonly value: string }[]
  readonly dataLocation?: number
}
export interface OnnxValue {
  readonly name: string
  readonly type: {
    readonly tensorType: {
      readonly elemType: number
      readonly shape: { readonly dim: readonly { readonly dimValue: number }[] }
    }
  }
}
export interface OnnxGraph {
  readonly name: string
  readonly node: readonly OnnxNode[]
  readonly initializer: readonly OnnxTensor[]
  readonly input: readonly OnnxValue[]
  readonly output: readonly OnnxValue[]
}

/** ONNX's numbers for element types. */
export const elementTypes = { float32: 1, uint8: 2, int8: 3, int32: 6, int64: 7, bool: 9 } as const

export function encodeModel(graph: OnnxGraph): Uint8Array {
  const own = [...new Set(graph.node.flatMap(({ domain }) => domain ?? []))].sort()
  const opsetImport = [{ domain: '', version: 18 }, ...own.map((domain) => ({ domain, version: 1 }))]
  const fields = { irVersion: 9, producerName: 'polyrank', graph, opsetImport }
  return model.encode(model.create(fields)).finish()
}
