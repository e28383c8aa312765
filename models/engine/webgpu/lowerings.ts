import type { GraphWriter, LoweredNode, Lowering, LoweringTable } from '../onnx/graph.ts'
import { lowerings } from '../onnx/lower.ts'
import { elementTypes } from '../onnx/schema.ts'
import { float, polynomial, webgpuOperators } from './operators.ts'

const x = (node: LoweredNode) => node.inputs[0]!
const whole = (graph: GraphWriter, value: number) => graph.scalar(value, 'int32')
const range = (from: number, to: number, by = 1) =>
  Array.from({ length: Math.max(0, Math.ceil((to - from) / by)) }, (_, i) => from + i * by)

/** Entries at `places` along an axis. */
const taken = (graph: GraphWriter, input: string, axis: number, places: readonly number[], output?: string) =>
  graph.node('Gather', [input, graph.vector(places, 'int32')], { axis }, output)

/** Entries at `places[axis]` along each axis. */
const takenAlong = (graph: GraphWriter, { inputs, inputSpecs }: LoweredNode, places: readonly (readonly number[])[]) =>
  places.reduce(
    (rest, along, axis) =>
      along.join() === range(0, inputSpecs[0]!.shape[axis]!).join() ? rest : taken(graph, rest, axis, along),
    inputs[0]!,
  )

/** The provider slices no int32, but gathers it. */
const integerLowerings: LoweringTable = {
  Abs: (graph, node) => {
    graph.node('Max', [x(node), graph.node('Sub', [whole(graph, 0), x(node)])], {}, node.outputs[0])
  },
  Neg: (graph, node) => {
    graph.node('Sub', [whole(graph, 0), x(node)], {}, node.outputs[0])
  },
  Relu: (graph, node) => {
    graph.node('Max', [x(node), whole(graph, 0)], {}, node.outputs[0])
  },
  Sign: (graph, node) => {
    graph.node('Min', [graph.node('Max', [x(node), whole(graph, -1)]), whole(graph, 1)], {}, node.outputs[0])
  },
  Slice: (graph, node) => {
    const end = node.read<readonly number[]>('end')
    const places = node.read<readonly number[]>('begin').map((from, axis) => range(from, end[axis]!))
    graph.node('Identity', [takenAlong(graph, node, places)], {}, node.outputs[0])
  },
  SplitV: (graph, node) => {
    const axis = node.read<number>('axis')
    node.read<readonly number[]>('sizes').reduce((from, size, i) => {
      taken(graph, x(node), axis, range(from, from + size), node.outputs[i])
      return from + size
    }, 0)
  },
  Unpack: (graph, node) => {
    const axis = node.read<number>('axis')
    node.outputs.forEach((output, i) => {
      graph.node('Squeeze', [taken(graph, x(node), axis, [i]), graph.int64s([axis])], {}, output)
    })
  },
}

/** In every type: the provider's own slicing starts at the wrong entry when it walks backwards. */
const stridedSlice: Lowering = (graph, node) => {
  const [end, strides] = [node.read<readonly number[]>('end'), node.read<readonly number[]>('strides')]
  const places = node.read<readonly number[]>('begin').map((from, axis) => range(from, end[axis]!, strides[axis]!))
  const shape = graph.int64s(node.outputSpecs[0]!.shape)
  graph.node('Reshape', [takenAlong(graph, node, places), shape], { allowzero: 1 }, node.outputs[0])
}

/**
 * f(x) as x times a series in x, its highest term first, where |x| is below `limit`: about 0 the provider's logarithm and
 * hyperbolic tangent are out by 1e-7 of 1, not of themselves.
 */
const bySeries =
  (terms: readonly number[], limit: number, usual: Lowering): Lowering =>
  (graph, node) => {
    const far = `${node.outputs[0]} afar`
    usual(graph, { ...node, outputs: [far] })
    const near = graph.node('Mul', [x(node), polynomial(graph, terms, x(node))])
    const isNear = graph.node('Less', [graph.node('Abs', [x(node)]), float(graph, limit)])
    graph.node('Where', [isNear, near, far], {}, node.outputs[0])
  }
const expm1 = bySeries([1 / 5_040, 1 / 720, 1 / 120, 1 / 24, 1 / 6, 1 / 2, 1], 0.2, lowerings.Expm1!)
const log1p = bySeries([1 / 7, -1 / 6, 1 / 5, -1 / 4, 1 / 3, -1 / 2, 1], 0.1, lowerings.Log1p!)

/** The provider moves and compares no booleans: they go as int32. */
const asIntegers =
  (lower: Lowering): Lowering =>
  (graph, node) => {
    const compares = node.kernel === 'Equal' || node.kernel === 'NotEqual'
    const cast = (input: string, to: 'int32' | 'bool', output?: string) =>
      graph.node('Cast', [input], { to: elementTypes[to] }, output)
    const integer = <T extends { readonly dtype: string }>(spec: T) => ({ ...spec, dtype: 'int32' as const })
    const outputs = compares ? node.outputs : node.outputs.map((output) => `${output} as int32`)
    lower(graph, {
      ...node,
      inputs: node.inputs.map((input) => cast(input, 'int32')),
      inputSpecs: node.inputSpecs.map(integer),
      outputs,
      outputSpecs: compares ? node.outputSpecs : node.outputSpecs.map(integer),
    })
    if (!compares) outputs.forEach((output, i) => void cast(output, 'bool', node.outputs[i]))
  }

const movers = ['Concat', 'Equal', 'Identity', 'NotEqual', 'Pack', 'PadV2', 'Slice', 'SplitV', 'StridedSlice', 'Tile']
const booleans = new Set([...movers, 'Transpose', 'Unpack'])

function lowering(kernel: string, usual: Lowering): Lowering {
  const integers = integerLowerings[kernel] ?? usual
  return (graph, node) => {
    const dtype = node.inputSpecs[0]?.dtype
    const lower = dtype === 'int32' ? integers : dtype === 'bool' && booleans.has(kernel) ? asIntegers(integers) : usual
    lower(webgpuOperators(graph), node)
  }
}

/** Lowerings to the operators and types that ONNX Runtime's WebGPU provider has. */
export const webgpuLowerings: LoweringTable = Object.fromEntries(
  Object.entries({ ...lowerings, Expm1: expm1, Log1p: log1p, StridedSlice: stridedSlice }).map(([kernel, usual]) => [
    kernel,
    lowering(kernel, usual),
  ]),
)
