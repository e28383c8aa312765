import protobuf from 'protobufjs'
import type { DType } from '../program.ts'

/**
 * The part of TensorFlow's protocol buffers (saved_model.proto, meta_graph.proto, graph.proto) that a lowered program
 * needs. Field numbers are the format's.
 */
const field = (id: number, type: string, rule?: 'repeated') => (rule === undefined ? { id, type } : { id, type, rule })
const mapField = (id: number, type: string) => ({ id, type, keyType: 'string' })

const root = protobuf.Root.fromJSON({
  nested: {
    SavedModel: {
      fields: { savedModelSchemaVersion: field(1, 'int64'), metaGraphs: field(2, 'MetaGraph', 'repeated') },
    },
    MetaGraph: {
      fields: {
        metaInfoDef: field(1, 'MetaInfo'),
        graphDef: field(2, 'Graph'),
        signatureDef: mapField(5, 'Signature'),
      },
    },
    MetaInfo: { fields: { tags: field(4, 'string', 'repeated') } },
    Signature: {
      fields: {
        inputs: mapField(1, 'TensorInfo'),
        outputs: mapField(2, 'TensorInfo'),
        methodName: field(3, 'string'),
      },
    },
    TensorInfo: { fields: { name: field(1, 'string'), dtype: field(2, 'int32'), tensorShape: field(3, 'Shape') } },
    Graph: { fields: { node: field(1, 'Node', 'repeated'), versions: field(4, 'Versions') } },
    Versions: { fields: { producer: field(1, 'int32') } },
    Node: {
      fields: {
        name: field(1, 'string'),
        op: field(2, 'string'),
        input: field(3, 'string', 'repeated'),
        attr: mapField(5, 'Attribute'),
      },
    },
    Attribute: {
      oneofs: { value: { oneof: ['s', 'i', 'f', 'b', 'type', 'shape', 'tensor'] } },
      fields: {
        s: field(2, 'bytes'),
        i: field(3, 'int64'),
        f: field(4, 'float'),
        b: field(5, 'bool'),
        type: field(6, 'int32'),
        shape: field(7, 'Shape'),
        tensor: field(8, 'Tensor'),
      },
    },
    Shape: { fields: { dim: field(2, 'Dimension', 'repeated') } },
    Dimension: { fields: { size: field(1, 'int64') } },
    Tensor: { fields: { dtype: field(1, 'int32'), tensorShape: field(2, 'Shape'), tensorContent: field(4, 'bytes') } },
  },
})
const savedModel = root.lookupType('SavedModel')

export interface ShapeMessage {
  readonly dim: readonly { readonly size: number }[]
}
export type AttributeMessage =
  | { readonly s: Uint8Array }
  | { readonly i: number }
  | { readonly f: number }
  | { readonly b: boolean }
  | { readonly type: number }
  | { readonly shape: ShapeMessage }
  | {
      readonly tensor: {
        readonly dtype: number
        readonly tensorShape: ShapeMessage
        readonly tensorContent: Uint8Array
      }
    }
export interface NodeMessage {
  readonly name: string
  readonly op: string
  readonly input: readonly string[]
  readonly attr: Readonly<Record<string, AttributeMessage>>
}
export interface TensorInfo {
  readonly name: string
  readonly dtype: number
  readonly tensorShape: ShapeMessage
}
export interface Signature {
  readonly inputs: Readonly<Record<string, TensorInfo>>
  readonly outputs: Readonly<Record<string, TensorInfo>>
}

/** TensorFlow's numbers for element types. */
export const elementTypes = { float32: 1, int32: 3, bool: 10, bfloat16: 14 } as const satisfies Record<
  DType | 'bfloat16',
  number
>

export const shapeMessage = (shape: readonly number[]): ShapeMessage => ({ dim: shape.map((size) => ({ size })) })

/** Ops as they are defined from this version of TensorFlow's graphs on (2.17). */
const producer = 1882

export function encodeSavedModel(
  nodes: readonly NodeMessage[],
  signatures: Readonly<Record<string, Signature>>,
): Uint8Array {
  const signatureDef = Object.fromEntries(
    Object.entries(signatures).map(([name, signature]) => [
      name,
      { ...signature, methodName: 'tensorflow/serving/predict' },
    ]),
  )
  const metaGraph = {
    metaInfoDef: { tags: ['serve'] },
    graphDef: { node: nodes, versions: { producer } },
    signatureDef,
  }
  const fields = { savedModelSchemaVersion: 1, metaGraphs: [metaGraph] }
  return savedModel.encode(savedModel.fromObject(fields)).finish()
}
