import type { GraphWriter, LoweredNode, Lowering, LoweringTable } from './graph.ts'
import { elementTypes } from './schema.ts'

const same =
  (opType: string): Lowering =>
  (graph, node) => {
    graph.node(opType, node.inputs, {}, node.outputs[0])
  }
const named = (names: readonly string[]): LoweringTable => Object.fromEntries(names.map((name) => [name, same(name)]))

/** A constant of the node's type, filled to its shape. */
const filled =
  (value: number): Lowering =>
  (graph, node) => {
    const { shape, dtype } = node.outputSpecs[0]!
    graph.node('Expand', [graph.scalar(value, dtype), graph.int64s(shape)], {}, node.outputs[0])
  }

const float = (graph: GraphWriter, value: number) => graph.scalar(value, 'float32')
const x = (node: LoweredNode) => node.inputs[0]!

/** ONNX has no log1p: x * log(u) / (u - 1) with u = 1 + x is exact where 1 + x rounds (Higham, Accuracy and Stability, 1.14.1). */
const log1p: Lowering = (graph, node) => {
  const u = graph.node('Add', [x(node), float(graph, 1)])
  const rounded = graph.node('Sub', [u, float(graph, 1)])
  const tiny = graph.node('Equal', [rounded, float(graph, 0)])
  const divisor = graph.node('Where', [tiny, float(graph, 1), rounded])
  const corrected = graph.node('Mul', [graph.node('Log', [u]), graph.node('Div', [x(node), divisor])])
  const infinite = graph.node('Equal', [u, float(graph, Number.POSITIVE_INFINITY)])
  const finite = graph.node('Where', [tiny, x(node), corrected])
  graph.node('Where', [infinite, u, finite], {}, node.outputs[0])
}

/** Towards minus infinity; dividing by 0 gives 0, as in TensorFlow.js. */
const floorDiv: Lowering = (graph, node) => {
  const { dtype } = node.inputSpecs[0]!
  const [a, b] = node.inputs as [string, string]
  const byZero = graph.node('Equal', [b, graph.scalar(0, dtype)])
  const divisor = graph.node('Where', [byZero, graph.scalar(1, dtype), b])
  const quotient = graph.node('Div', [a, divisor])
  const whole =
    dtype === 'int32'
      ? floored(graph, a, divisor, quotient)
      : graph.node('Cast', [graph.node('Floor', [quotient])], { to: elementTypes.int32 })
  graph.node('Where', [byZero, graph.scalar(0, 'int32'), whole], {}, node.outputs[0])
}

/** ONNX divides integers towards zero: one less where a rest is left and the signs differ. */
function floored(graph: GraphWriter, a: string, b: string, quotient: string): string {
  const zero = graph.scalar(0, 'int32')
  const rest = graph.node('Sub', [a, graph.node('Mul', [quotient, b])])
  const [above, below] = [graph.node('Greater', [rest, zero]), graph.node('Less', [rest, zero])]
  const [positive, negative] = [graph.node('Greater', [b, zero]), graph.node('Less', [b, zero])]
  const isLess = graph.node('Or', [graph.node('And', [above, negative]), graph.node('And', [below, positive])])
  return graph.node('Sub', [quotient, graph.node('Cast', [isLess], { to: elementTypes.int32 })])
}

export const elementwise: LoweringTable = {
  ...named([
    'Abs',
    'Ceil',
    'Cos',
    'Erf',
    'Exp',
    'Floor',
    'Log',
    'Neg',
    'Reciprocal',
    'Relu',
    'Round',
    'Sigmoid',
    'Sign',
  ]),
  ...named(['Sin', 'Softplus', 'Sqrt', 'Tanh', 'Add', 'Sub', 'Pow', 'Identity', 'Equal', 'Greater', 'Less', 'Elu']),
  IsNan: same('IsNaN'),
  LogicalNot: same('Not'),
  LogicalAnd: same('And'),
  LogicalOr: same('Or'),
  GreaterEqual: same('GreaterOrEqual'),
  LessEqual: same('LessOrEqual'),
  Multiply: same('Mul'),
  RealDiv: same('Div'),
  Maximum: same('Max'),
  Minimum: same('Min'),
  OnesLike: filled(1),
  ZerosLike: filled(0),
  Log1p: log1p,
  Expm1: (graph, node) => {
    // ONNX has no expm1: e^x - 1 = tanh(x / 2) (e^x + 1), without the cancellation about 0.
    const half = graph.node('Tanh', [graph.node('Mul', [x(node), float(graph, 0.5)])])
    graph.node('Mul', [half, graph.node('Add', [graph.node('Exp', [x(node)]), float(graph, 1)])], {}, node.outputs[0])
  },
  NotEqual: (graph, node) => {
    graph.node('Not', [graph.node('Equal', node.inputs)], {}, node.outputs[0])
  },
  Rsqrt: (graph, node) => {
    graph.node('Reciprocal', [graph.node('Sqrt', node.inputs)], {}, node.outputs[0])
  },
  Square: (graph, node) => {
    graph.node('Mul', [x(node), x(node)], {}, node.outputs[0])
  },
  SquaredDifference: (graph, node) => {
    const difference = graph.node('Sub', node.inputs)
    graph.node('Mul', [difference, difference], {}, node.outputs[0])
  },
  AddN: (graph, node) => {
    if (node.outputSpecs[0]!.dtype === 'float32') {
      graph.node('Sum', node.inputs, {}, node.outputs[0])
      return
    }
    // ONNX's Sum takes no integers.
    const [first, ...others] = node.inputs
    const sum = others.slice(0, -1).reduce((total, input) => graph.node('Add', [total, input]), first!)
    graph.node(others.length === 0 ? 'Identity' : 'Add', [sum, ...others.slice(-1)], {}, node.outputs[0])
  },
  Select: (graph, node) => {
    if (node.outputSpecs[0]!.dtype !== 'bool') {
      graph.node('Where', node.inputs, {}, node.outputs[0])
      return
    }
    // ONNX Runtime's Where takes no flags.
    const [condition, t, e] = node.inputs as [string, string, string]
    const either = [graph.node('And', [condition, t]), graph.node('And', [graph.node('Not', [condition]), e])]
    graph.node('Or', either, {}, node.outputs[0])
  },
  FloorDiv: floorDiv,
  ClipByValue: (graph, node) => {
    const { dtype } = node.outputSpecs[0]!
    const [least, greatest] = dtype === 'int32' ? [-(2 ** 31), 2 ** 31 - 1] : [-Infinity, Infinity]
    const bounds = [node.read<number>('clipValueMin'), node.read<number>('clipValueMax')].map((bound) =>
      graph.scalar(Math.min(Math.max(bound, least), greatest), dtype),
    )
    graph.node('Clip', [x(node), ...bounds], {}, node.outputs[0])
  },
  LeakyRelu: (graph, node) => {
    graph.node('LeakyRelu', node.inputs, { alpha: { float: node.read<number>('alpha') } }, node.outputs[0])
  },
  Step: (graph, node) => {
    const below = float(graph, node.read<number>('alpha'))
    // What is neither is not a number, and stays so.
    const other = graph.node('Where', [graph.node('LessOrEqual', [x(node), float(graph, 0)]), below, x(node)])
    const positive = graph.node('Greater', [x(node), float(graph, 0)])
    graph.node('Where', [positive, float(graph, 1), other], {}, node.outputs[0])
  },
  Cast: (graph, node) => {
    graph.node('Cast', node.inputs, { to: elementTypes[node.outputSpecs[0]!.dtype] }, node.outputs[0])
  },
}
