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
  const corrected = graph.node('Div', [graph.node('Mul', [x(node), graph.node('Log', [u])]), divisor])
  const infinite = graph.node('IsInf', [u])
  const finite = graph.node('Where', [tiny, x(node), corrected])
  graph.node('Where', [infinite, u, finite], {}, node.outputs[0])
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
  AddN: same('Sum'),
  Select: same('Where'),
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
  FloorDiv: (graph, node) => {
    // ONNX divides integers towards zero, TensorFlow.js towards minus infinity.
    const floats = node.inputs.map((input) => graph.node('Cast', [input], { to: elementTypes.float32 }))
    const floor = graph.node('Floor', [graph.node('Div', floats)])
    graph.node('Cast', [floor], { to: elementTypes[node.outputSpecs[0]!.dtype] }, node.outputs[0])
  },
  ClipByValue: (graph, node) => {
    const bounds = [float(graph, node.read<number>('clipValueMin')), float(graph, node.read<number>('clipValueMax'))]
    graph.node('Clip', [x(node), ...bounds], {}, node.outputs[0])
  },
  LeakyRelu: (graph, node) => {
    graph.node('LeakyRelu', node.inputs, { alpha: { float: node.read<number>('alpha') } }, node.outputs[0])
  },
  Step: (graph, node) => {
    const below = float(graph, node.read<number>('alpha'))
    const positive = graph.node('Greater', [x(node), float(graph, 0)])
    const step = graph.node('Where', [positive, float(graph, 1), below])
    graph.node('Where', [graph.node('IsNaN', [x(node)]), x(node), step], {}, node.outputs[0])
  },
  Cast: (graph, node) => {
    graph.node('Cast', node.inputs, { to: elementTypes[node.outputSpecs[0]!.dtype] }, node.outputs[0])
  },
}
