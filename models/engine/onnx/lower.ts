import { Fault } from '../../spec/fault.ts'
import { sizeOf } from '../kernels/kernel.ts'
import type { Program, ProgramNode, TensorSpec, ValueId } from '../program.ts'
import { readingAll } from '../read-attributes.ts'
import { arrangement } from './arrangement.ts'
import { elementwise } from './elementwise.ts'
import { createGraphWriter, type LoweringTable } from './graph.ts'
import { elementTypes, encodeModel, type OnnxGraph, type OnnxValue } from './schema.ts'

export const lowerings: LoweringTable = { ...arrangement, ...elementwise }

/** Where a program's input lies in a file beside the graph: it becomes part of the graph, mapped into memory when loaded. */
export interface ExternalTensor {
  /** File name, relative to the graph's own. */
  readonly location: string
  readonly offset: number
  readonly sizeBytes: number
}

/** Names of the state's tensors in the graph. */
export const stateInput = (name: string): string => `state.${name}`
export const stateOutput = (name: string): string => `next.${name}`

/**
 * The program as an ONNX model. Inputs keep their names, except those in `external`, which become initializers; inputs
 * without elements are left out, as nothing can be fed to them. State `s` is read from `state.s` and written to `next.s`.
 * Faults `ENGINE_KERNEL_NOT_LOWERED` and `ENGINE_ATTRIBUTE_UNREAD` name the kernel and the model line.
 */
export function toOnnx(program: Program, external: Readonly<Record<string, ExternalTensor>> = {}): Uint8Array {
  return encodeModel(toGraph(program, external))
}

/** The same before it is encoded, and by a device's own lowerings where it has some. */
export function toGraph(
  program: Program,
  external: Readonly<Record<string, ExternalTensor>> = {},
  table: LoweringTable = lowerings,
): OnnxGraph {
  const graph = createGraphWriter()
  const names = new Map<ValueId, string>()
  const inputs: OnnxValue[] = []
  for (const { name, value } of program.inputs) {
    const spec = program.values[value]!
    names.set(value, name)
    const outside = external[name]
    if (outside !== undefined) {
      const entries = { location: outside.location, offset: outside.offset, length: outside.sizeBytes }
      const externalData = Object.entries(entries).map(([key, entry]) => ({ key, value: String(entry) }))
      graph.initializer({ name, dims: spec.shape, dataType: elementTypes[spec.dtype], dataLocation: 1, externalData })
    } else if (sizeOf(spec.shape) === 0) {
      graph.tensor(name, spec, new Float32Array(0))
    } else inputs.push(valueInfo(name, spec))
  }
  for (const { name, from } of program.state) {
    names.set(from, stateInput(name))
    inputs.push(valueInfo(stateInput(name), program.values[from]!))
  }
  for (const [value, data] of program.constants) {
    names.set(value, `value_${value}`)
    graph.tensor(`value_${value}`, program.values[value]!, data)
  }
  const results = [...program.outputs, ...program.state.map(({ name, to }) => ({ name: stateOutput(name), value: to }))]
  // A result that a node computes has its name from the start; only what is given, or read twice, has to be copied.
  const computed = new Set(program.nodes.flatMap(({ outputs }) => outputs))
  const named = new Map<ValueId, string>()
  for (const { name, value } of results) if (computed.has(value) && !named.has(value)) named.set(value, name)
  for (const node of program.nodes) {
    for (const output of node.outputs) names.set(output, named.get(output) ?? `value_${output}`)
    lowerNode(program, node, names, table)(graph)
  }
  for (const { name, value } of results) {
    if (names.get(value) === name) continue
    const copy = { kernel: 'Identity', inputs: [value], outputs: [value], attributes: {}, line: 'a result' }
    lowerNode(program, copy, names, table, [name])(graph)
  }
  return {
    name: 'step',
    node: graph.nodes,
    initializer: graph.initializers,
    input: inputs,
    output: results.map(({ name, value }) => valueInfo(name, program.values[value]!)),
  }
}

const valueInfo = (name: string, { shape, dtype }: TensorSpec): OnnxValue => ({
  name,
  type: { tensorType: { elemType: elementTypes[dtype], shape: { dim: shape.map((dimValue) => ({ dimValue })) } } },
})

function lowerNode(
  program: Program,
  node: ProgramNode,
  names: ReadonlyMap<ValueId, string>,
  table: LoweringTable,
  outputs = node.outputs.map((output) => names.get(output)!),
) {
  const lowering = table[node.kernel]
  if (lowering === undefined) {
    throw new Fault('ENGINE_KERNEL_NOT_LOWERED', `ONNX has no lowering of ${node.kernel}, used at ${node.line}.`)
  }
  return (graph: Parameters<typeof lowering>[0]) =>
    readingAll(node, (read) =>
      lowering(graph, {
        source: node,
        kernel: node.kernel,
        inputs: node.inputs.map((input) => names.get(input)!),
        inputSpecs: node.inputs.map((input) => program.values[input]!),
        outputs,
        outputSpecs: node.outputs.map((output) => program.values[output]!),
        read,
      }),
    )
}
