import { type LoweredNode, type Lowering, type LoweringTable, typeAttribute } from './graph.ts'

const same =
  (op: string): Lowering =>
  (graph, node) =>
    graph.node(op, node.inputs, { T: typeAttribute(node.inputSpecs[0]!.dtype) })
/** Ops that know one type only. */
const untyped =
  (op: string): Lowering =>
  (graph, node) =>
    graph.node(op, node.inputs)
const sameNamed = (names: readonly string[]): LoweringTable =>
  Object.fromEntries(names.map((name) => [name, same(name)]))
const untypedNamed = (names: readonly string[]): LoweringTable =>
  Object.fromEntries(names.map((name) => [name, untyped(name)]))

const float = { T: typeAttribute('float32') }
const x = (node: LoweredNode) => node.inputs[0]!

/** XLA's own lose a NaN of the second input. */
const propagatingNaN =
  (op: string): Lowering =>
  (graph, node) => {
    const { dtype } = node.inputSpecs[0]!
    const type = { T: typeAttribute(dtype) }
    const chosen = graph.node(op, node.inputs, type)
    if (dtype !== 'float32') return chosen
    return node.inputs.reduce(
      (kept, input) => graph.node('SelectV2', [graph.node('IsNan', [input], type), input, kept], type),
      chosen,
    )
  }

export const elementwise: LoweringTable = {
  ...sameNamed(['Abs', 'Ceil', 'Cos', 'Elu', 'Erf', 'Exp', 'Expm1', 'Floor', 'Identity', 'IsNan', 'Log', 'Log1p']),
  ...sameNamed(['Neg', 'OnesLike', 'Reciprocal', 'Relu', 'Round', 'Rsqrt', 'Sigmoid', 'Sign', 'Sin', 'Softplus']),
  ...sameNamed(['Sqrt', 'Square', 'Tanh', 'ZerosLike']),
  ...sameNamed(['Equal', 'Greater', 'GreaterEqual', 'Less', 'LessEqual', 'NotEqual']),
  ...sameNamed(['Pow', 'RealDiv', 'SquaredDifference', 'Sub']),
  ...untypedNamed(['LogicalAnd', 'LogicalNot', 'LogicalOr']),
  Add: same('AddV2'),
  Multiply: same('Mul'),
  AddN: (graph, node) =>
    graph.node('AddN', node.inputs, { T: typeAttribute(node.inputSpecs[0]!.dtype), N: { i: node.inputs.length } }),
  Select: (graph, node) => graph.node('SelectV2', node.inputs, { T: typeAttribute(node.outputSpecs[0]!.dtype) }),
  Cast: (graph, node) =>
    graph.node('Cast', node.inputs, {
      SrcT: typeAttribute(node.inputSpecs[0]!.dtype),
      DstT: typeAttribute(node.outputSpecs[0]!.dtype),
    }),
  Maximum: propagatingNaN('Maximum'),
  Minimum: propagatingNaN('Minimum'),
  FloorDiv: (graph, node) => {
    const [a, b] = node.inputs as [string, string]
    const { dtype } = node.inputSpecs[0]!
    const type = { T: typeAttribute(dtype) }
    if (dtype === 'float32') {
      const quotient = graph.node('RealDiv', [a, b], type)
      const known = graph.node('IsFinite', [quotient], type)
      const finite = graph.node('SelectV2', [known, quotient, graph.scalar(0, dtype)], type)
      return graph.node('Cast', [graph.node('Floor', [finite], type)], { SrcT: type.T, DstT: typeAttribute('int32') })
    }
    const zero = graph.scalar(0, 'int32')
    const byZero = graph.node('Equal', [b, zero], type)
    return graph.node('SelectV2', [byZero, zero, graph.node('FloorDiv', [a, b], type)], type)
  },
  ClipByValue: (graph, node) => {
    const { dtype } = node.outputSpecs[0]!
    const bounds = ['clipValueMin', 'clipValueMax'].map((name) => {
      const bound = node.read<number>(name)
      return graph.scalar(dtype === 'int32' ? Math.min(Math.max(bound, -(2 ** 31)), 2 ** 31 - 1) : bound, dtype)
    })
    return graph.node('ClipByValue', [x(node), ...bounds], { T: typeAttribute(dtype) })
  },
  LeakyRelu: (graph, node) =>
    graph.node('LeakyRelu', node.inputs, { ...float, alpha: { f: node.read<number>('alpha') } }),
  Step: (graph, node) => {
    const positive = graph.node('Greater', [x(node), graph.scalar(0, 'float32')], float)
    const step = graph.node(
      'SelectV2',
      [positive, graph.scalar(1, 'float32'), graph.scalar(node.read<number>('alpha'), 'float32')],
      float,
    )
    return graph.node('SelectV2', [graph.node('IsNan', [x(node)], float), x(node), step], float)
  },
}
