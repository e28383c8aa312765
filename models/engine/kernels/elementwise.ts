import type { DType } from '../program.ts'
import { broadcast, type Kernel, type KernelTable, one } from './kernel.ts'

const unary = (dtype?: DType): Kernel => ({
  inputs: ['x'],
  infer: ([x]) => one(x!.shape, dtype ?? x!.dtype),
})
const binary = (dtype?: DType): Kernel => ({
  inputs: ['a', 'b'],
  infer: ([a, b]) => one(broadcast(a!.shape, b!.shape), dtype ?? a!.dtype),
})
const withNumber = (...names: readonly string[]): Kernel => ({
  inputs: ['x'],
  infer: ([x], attributes) =>
    one(x!.shape, x!.dtype, Object.fromEntries(names.map((name) => [name, Number(attributes[name] ?? 0)]))),
})
const all = (names: readonly string[], kernel: Kernel): KernelTable =>
  Object.fromEntries(names.map((name) => [name, kernel]))

/** Kernels whose outputs have their inputs' shape, broadcasting included. */
export const elementwise: KernelTable = {
  ...all(
    ['Abs', 'Ceil', 'Cos', 'Erf', 'Exp', 'Expm1', 'Floor', 'Log', 'Log1p', 'Neg', 'Reciprocal', 'Relu', 'Round'],
    unary(),
  ),
  ...all(['Rsqrt', 'Sigmoid', 'Sign', 'Sin', 'Softplus', 'Sqrt', 'Square', 'Tanh'], unary()),
  ...all(['IsNan', 'LogicalNot'], unary('bool')),
  ...all(['Identity', 'OnesLike', 'ZerosLike'], unary()),
  ...all(['Add', 'FloorDiv', 'Maximum', 'Minimum', 'Multiply', 'Pow', 'RealDiv', 'SquaredDifference', 'Sub'], binary()),
  ...all(
    ['Equal', 'Greater', 'GreaterEqual', 'Less', 'LessEqual', 'LogicalAnd', 'LogicalOr', 'NotEqual'],
    binary('bool'),
  ),
  ClipByValue: withNumber('clipValueMin', 'clipValueMax'),
  LeakyRelu: withNumber('alpha'),
  Step: withNumber('alpha'),
  Elu: unary(),
  AddN: { inputs: 'list', infer: ([first]) => one(first!.shape, first!.dtype) },
  Cast: {
    inputs: ['x'],
    infer: ([x], { dtype }) => one(x!.shape, dtype as DType),
  },
  Select: {
    inputs: ['condition', 't', 'e'],
    infer: ([condition, t, e]) => one(broadcast(broadcast(condition!.shape, t!.shape), e!.shape), t!.dtype),
  },
}
