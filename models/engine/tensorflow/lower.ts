import { Fault } from '../../spec/fault.ts'
import type { Precision } from '../device.ts'
import type { Program, ProgramNode, TensorSpec, ValueId } from '../program.ts'
import { readingAll } from '../read-attributes.ts'
import { arrangement, matMulIn } from './arrangement.ts'
import { elementwise } from './elementwise.ts'
import {
  type Attributes,
  createGraphWriter,
  type GraphWriter,
  type LoweringTable,
  shapeAttribute,
  typeAttribute,
} from './graph.ts'
import { elementTypes, encodeSavedModel, type Signature, shapeMessage, type TensorInfo } from './schema.ts'

const lowerings: LoweringTable = { ...arrangement, ...elementwise, BatchMatMul: matMulIn('float32') }

export interface LoweringOptions {
  readonly precision?: Precision
  /** Whether XLA compiles what it can. */
  readonly compiled?: boolean
}

/**
 * The program as a SavedModel of three signatures over one graph, in which each state tensor is a resource variable:
 * `init` takes a value for each and sets it, `step` takes the inputs, replaces the state, and gives the outputs, `read`
 * gives the state. Faults `ENGINE_KERNEL_NOT_LOWERED` and `ENGINE_ATTRIBUTE_UNREAD` name the kernel and the model line.
 */
export function toSavedModel(
  program: Program,
  { precision = 'float32', compiled = true }: LoweringOptions = {},
): Uint8Array {
  const graph = createGraphWriter(compiled ? clusterAttributes : {})
  const specOf = (value: ValueId) => program.values[value]!
  const names = new Map<ValueId, string>()
  for (const { name, value } of program.inputs) names.set(value, placeholder(graph, `input.${name}`, specOf(value)))
  for (const [value, data] of program.constants) names.set(value, graph.constant(specOf(value), data))
  const variables = program.state.map(({ name, from }) => variable(graph, name, specOf(from)))
  program.state.forEach(({ from }, i) => void names.set(from, variables[i]!.value))
  const table = precision === 'float32' ? lowerings : { ...lowerings, BatchMatMul: matMulIn(precision) }
  for (const node of program.nodes) {
    const outputs = [lowerNode(graph, program, node, names, table)].flat()
    node.outputs.forEach((output, i) => void names.set(output, outputs[i]!))
  }
  // Every read comes before the first assignment, and every assignment before a result is given.
  const reads = variables.map(({ value }) => `^${value}`)
  const assigned = program.state.flatMap(({ from, to }, i) => {
    if (from === to) return []
    const [{ handle }, { dtype }] = [variables[i]!, specOf(from)]
    return [`^${graph.node('AssignVariableOp', [handle, names.get(to)!, ...reads], { dtype: typeAttribute(dtype) })}`]
  })
  const step: Signature = {
    inputs: Object.fromEntries(program.inputs.map(({ name, value }) => [name, info(`input.${name}`, specOf(value))])),
    outputs: Object.fromEntries([
      ...program.outputs.map(({ name, value }): [string, TensorInfo] => {
        const spec = specOf(value)
        return [name, info(after(graph, `output.${name}`, names.get(value)!, assigned, spec), spec)]
      }),
      [doneOutput, info(after(graph, 'done', graph.scalar(1, 'float32'), assigned, scalarSpec), scalarSpec)],
    ]),
  }
  const state = program.state.map(({ name, from }, i) => ({ name, spec: specOf(from), variable: variables[i]! }))
  const init: Signature = {
    inputs: Object.fromEntries(state.map(({ name, spec, variable: { initial } }) => [name, info(initial, spec)])),
    outputs: Object.fromEntries(state.map(({ name, spec, variable: { ready } }) => [name, info(ready, spec)])),
  }
  const read: Signature = {
    inputs: {},
    outputs: Object.fromEntries(state.map(({ name, spec, variable: { value } }) => [name, info(value, spec)])),
  }
  return encodeSavedModel(graph.nodes, { step, ...(state.length > 0 ? { init, read } : {}) })
}

/** The one output of `step` that is there even where the program has none. */
export const doneOutput = ' done'
const scalarSpec: TensorSpec = { shape: [], dtype: 'float32' }

/** Marks nodes for XLA, all in one scope. */
const clusterAttributes: Attributes = {
  _XlaCompile: { b: true },
  _XlaScope: { s: new TextEncoder().encode('step') },
}

const info = (name: string, { shape, dtype }: TensorSpec): TensorInfo => ({
  name: `${name}:0`,
  dtype: elementTypes[dtype],
  tensorShape: shapeMessage(shape),
})

const placeholder = (graph: GraphWriter, name: string, { shape, dtype }: TensorSpec): string =>
  graph.plain('Placeholder', [], { dtype: typeAttribute(dtype), shape: shapeAttribute(shape) }, name)

function variable(graph: GraphWriter, name: string, spec: TensorSpec) {
  const dtype = typeAttribute(spec.dtype)
  const text = (value: string) => ({ s: new TextEncoder().encode(value) })
  const handle = graph.plain(
    'VarHandleOp',
    [],
    { dtype, shape: shapeAttribute(spec.shape), shared_name: text(`state.${name}`), container: text('') },
    `state.${name}`,
  )
  const initial = placeholder(graph, `initial.${name}`, spec)
  const set = graph.plain('AssignVariableOp', [handle, initial], { dtype })
  return {
    handle,
    initial,
    ready: after(graph, `ready.${name}`, initial, [`^${set}`], spec),
    value: graph.plain('ReadVariableOp', [handle], { dtype }, `value.${name}`),
  }
}

const after = (graph: GraphWriter, name: string, input: string, controls: readonly string[], { dtype }: TensorSpec) =>
  graph.plain('Identity', [input, ...controls], { T: typeAttribute(dtype) }, name)

function lowerNode(
  graph: GraphWriter,
  program: Program,
  node: ProgramNode,
  names: ReadonlyMap<ValueId, string>,
  table: LoweringTable,
) {
  const lowering = table[node.kernel]
  if (lowering === undefined) {
    throw new Fault('ENGINE_KERNEL_NOT_LOWERED', `TensorFlow has no lowering of ${node.kernel}, used at ${node.line}.`)
  }
  return readingAll(node, (read) =>
    lowering(graph, {
      kernel: node.kernel,
      inputs: node.inputs.map((input) => names.get(input)!),
      inputSpecs: node.inputs.map((input) => program.values[input]!),
      outputSpecs: node.outputs.map((output) => program.values[output]!),
      read,
    }),
  )
}
