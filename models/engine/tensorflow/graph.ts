import type { DType, TensorSpec, TypedArray } from '../program.ts'
import type { ReadAttribute } from '../read-attributes.ts'
import { type AttributeMessage, elementTypes, type NodeMessage, shapeMessage } from './schema.ts'

export type Attributes = Readonly<Record<string, AttributeMessage>>

/** The nodes of a TensorFlow graph while it is written. A value is named by its node (`node:1`: its second output). */
export interface GraphWriter {
  readonly nodes: readonly NodeMessage[]
  /** Adds a node that computes, and returns its name. */
  node(op: string, inputs: readonly string[], attributes?: Attributes): string
  /** Adds a node that is not compiled with the others. */
  plain(op: string, inputs: readonly string[], attributes: Attributes, name?: string): string
  /** A constant of rank 1, as shapes and axes are given. */
  int32s(values: readonly number[]): string
  scalar(value: number, dtype: DType): string
  constant(spec: TensorSpec, data: TypedArray): string
}

export const typeAttribute = (dtype: keyof typeof elementTypes): AttributeMessage => ({ type: elementTypes[dtype] })
export const shapeAttribute = (shape: readonly number[]): AttributeMessage => ({ shape: shapeMessage(shape) })

/** `computing`: attributes of every node that computes. */
export function createGraphWriter(computing: Attributes): GraphWriter {
  const nodes: NodeMessage[] = []
  const constants = new Map<string, string>()
  const plain: GraphWriter['plain'] = (op, inputs, attributes, name = `${op}_${nodes.length}`) => {
    nodes.push({ name, op, input: inputs, attr: attributes })
    return name
  }
  const constant = ({ shape, dtype }: TensorSpec, data: TypedArray) => {
    const tensorContent = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    const value = { tensor: { dtype: elementTypes[dtype], tensorShape: shapeMessage(shape), tensorContent } }
    return plain('Const', [], { ...computing, dtype: typeAttribute(dtype), value })
  }
  const once = (key: string, make: () => string) => {
    const known = constants.get(key) ?? make()
    constants.set(key, known)
    return known
  }
  return {
    nodes,
    node: (op, inputs, attributes = {}) => plain(op, inputs, { ...computing, ...attributes }),
    plain,
    int32s: (values) =>
      once(`int32[]:${values.join()}`, () =>
        constant({ shape: [values.length], dtype: 'int32' }, Int32Array.from(values)),
      ),
    scalar: (value, dtype) =>
      once(`${dtype}:${Object.is(value, -0) ? '-0' : value}`, () =>
        constant(
          { shape: [], dtype },
          (dtype === 'float32' ? Float32Array : dtype === 'bool' ? Uint8Array : Int32Array).of(value),
        ),
      ),
    constant,
  }
}

/** A node of the program with its values' names in the graph. */
export interface LoweredNode {
  readonly kernel: string
  readonly inputs: readonly string[]
  readonly inputSpecs: readonly TensorSpec[]
  readonly outputSpecs: readonly TensorSpec[]
  /** Reads an attribute; one that no lowering reads is an error. */
  readonly read: ReadAttribute
}

/** Writes the nodes of one kernel and returns the names of its outputs. */
export type Lowering = (graph: GraphWriter, node: LoweredNode) => string | readonly string[]
export type LoweringTable = Readonly<Record<string, Lowering>>
