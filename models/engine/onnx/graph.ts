import type { DType, ProgramNode, TensorSpec, TypedArray } from '../program.ts'
import type { ReadAttribute } from '../read-attributes.ts'
import { elementTypes, type OnnxAttribute, type OnnxNode, type OnnxTensor } from './schema.ts'

export type OnnxAttributes = Readonly<Record<string, number | string | readonly number[] | { readonly float: number }>>

/** The nodes and initializers of an ONNX graph while it is written. Names are unique; equal small constants are shared. */
export interface GraphWriter {
  readonly nodes: readonly OnnxNode[]
  readonly initializers: readonly OnnxTensor[]
  /**
   * Adds a node with one output and returns the output's name (`output` where it is given). An operator that is not
   * ONNX's own has its domain before it: `com.microsoft.Gelu`.
   */
  node(opType: string, inputs: readonly string[], attributes?: OnnxAttributes, output?: string): string
  /** A one-dimensional int64 constant, as shapes and axes are given. */
  int64s(values: readonly number[]): string
  /** A scalar constant. */
  scalar(value: number, dtype: DType): string
  /** A one-dimensional constant. */
  vector(values: readonly number[], dtype: DType): string
  tensor(name: string, spec: TensorSpec, data: TypedArray): void
  /** A tensor as it is, under its own name. */
  initializer(tensor: OnnxTensor): void
}

export function createGraphWriter(): GraphWriter {
  const nodes: OnnxNode[] = []
  const initializers: OnnxTensor[] = []
  const constants = new Map<string, string>()
  let count = 0
  const shared = (key: string, build: (name: string) => OnnxTensor) => {
    const known = constants.get(key)
    if (known !== undefined) return known
    const name = `constant_${constants.size}`
    constants.set(key, name)
    initializers.push(build(name))
    return name
  }
  const bytes = (data: ArrayBufferView) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  return {
    nodes,
    initializers,
    node(opType, inputs, attributes = {}, output) {
      const name = output ?? `${opType}_${count++}`
      const attribute = Object.entries(attributes).map(([key, value]) => toAttribute(key, value))
      nodes.push({ ...operator(opType), name: `node_${nodes.length}`, input: inputs, output: [name], attribute })
      return name
    },
    int64s: (values) =>
      shared(`int64:${values.join()}`, (name) => ({
        name,
        dims: [values.length],
        dataType: elementTypes.int64,
        rawData: bytes(BigInt64Array.from(values.map(BigInt))),
      })),
    scalar: (value, dtype) =>
      shared(`${dtype}:${Object.is(value, -0) ? '-0' : value}`, (name) => ({
        name,
        dims: [],
        dataType: elementTypes[dtype],
        rawData: bytes(typed([value], dtype)),
      })),
    vector: (values, dtype) =>
      shared(`${dtype}[]:${values.join()}`, (name) => ({
        name,
        dims: [values.length],
        dataType: elementTypes[dtype],
        rawData: bytes(typed(values, dtype)),
      })),
    tensor(name, { shape, dtype }, data) {
      initializers.push({ name, dims: shape, dataType: elementTypes[dtype], rawData: bytes(data) })
    },
    initializer(tensor) {
      initializers.push(tensor)
    },
  }
}

function operator(opType: string): Pick<OnnxNode, 'opType' | 'domain'> {
  const dot = opType.lastIndexOf('.')
  return dot === -1 ? { opType } : { opType: opType.slice(dot + 1), domain: opType.slice(0, dot) }
}

const typed = (values: readonly number[], dtype: DType): TypedArray =>
  dtype === 'float32' ? Float32Array.from(values) : dtype === 'bool' ? Uint8Array.from(values) : Int32Array.from(values)

function toAttribute(
  name: string,
  value: number | string | readonly number[] | { readonly float: number },
): OnnxAttribute {
  if (typeof value === 'number') return { name, type: 2, i: value }
  if (typeof value === 'string') return { name, type: 3, s: new TextEncoder().encode(value) }
  return 'float' in value ? { name, type: 1, f: value.float } : { name, type: 7, ints: value }
}

/** A node as a lowering sees it; names of inputs and outputs are ONNX's. */
export interface LoweredNode {
  /** The node itself, as the program has it. */
  readonly source: ProgramNode
  readonly kernel: string
  readonly inputs: readonly string[]
  readonly inputSpecs: readonly TensorSpec[]
  readonly outputs: readonly string[]
  readonly outputSpecs: readonly TensorSpec[]
  /** Reads an attribute; one that no lowering reads is an error. */
  readonly read: ReadAttribute
}

/** Writes the nodes that compute `node.outputs`. */
export type Lowering = (graph: GraphWriter, node: LoweredNode) => void
export type LoweringTable = Readonly<Record<string, Lowering>>
