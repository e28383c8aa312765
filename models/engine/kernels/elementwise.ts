import type { DType } from '../program.ts'
import {
  broadcast,
  floats,
  type Kernel,
  type KernelTable,
  numerics,
  one,
  requireOneType,
  requireShape,
  taking,
} from './kernel.ts'

const unary = (dtype?: DType): Kernel => ({
  inputs: ['x'],
  infer: ([x]) => one(x!.shape, dtype ?? x!.dtype),
})
const binary = (dtype?: DType): Kernel => ({
  inputs: ['a', 'b'],
  infer: ([a, b]) => {
    requireOneType([a!, b!])
    return one(broadcast(a!.shape, b!.shape), dtype ?? a!.dtype)
  },
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
  ...all(['Ceil', 'Cos', 'Elu', 'Erf', 'Exp', 'Expm1', 'Floor', 'Log', 'Log1p', 'Reciprocal'], taking(floats, unary())),
  ...all(['Round', 'Rsqrt', 'Sigmoid', 'Sin', 'Softplus', 'Sqrt', 'Tanh'], taking(floats, unary())),
  ...all(['Abs', 'Neg', 'Relu', 'Sign', 'Square'], taking(numerics, unary())),
  ...all(['Identity', 'OnesLike', 'ZerosLike'], unary()),
  IsNan: taking(floats, unary('bool')),
  LogicalNot: taking(['bool'], unary('bool')),
  ...all(['Add', 'Maximum', 'Minimum', 'Multiply', 'SquaredDifference', 'Sub'], taking(numerics, binary())),
  ...all(['Pow', 'RealDiv'], taking(floats, binary())),
  // Whole numbers, also of float32.
  FloorDiv: taking(numerics, binary('int32')),
  ...all(['Equal', 'NotEqual'], binary('bool')),
  ...all(['Greater', 'GreaterEqual', 'Less', 'LessEqual'], taking(numerics, binary('bool'))),
  ...all(['LogicalAnd', 'LogicalOr'], taking(['bool'], binary('bool'))),
  ClipByValue: taking(numerics, withNumber('clipValueMin', 'clipValueMax')),
  LeakyRelu: taking(floats, withNumber('alpha')),
  Step: taking(floats, withNumber('alpha')),
  AddN: taking(numerics, {
    inputs: 'list',
    infer: (inputs) => {
      const { shape, dtype } = inputs[0]!
      requireOneType(inputs)
      for (const other of inputs)
        requireShape(other.shape.join() === shape.join(), `it adds shapes [${shape}] and [${other.shape}].`)
      return one(shape, dtype)
    },
  }),
  Cast: {
    inputs: ['x'],
    infer: ([x], { dtype }) => one(x!.shape, dtype as DType),
  },
  Select: {
    inputs: ['condition', 't', 'e'],
    infer: ([condition, t, e]) => {
      requireOneType([t!, e!])
      return one(broadcast(broadcast(condition!.shape, t!.shape), e!.shape), t!.dtype)
    },
  },
}
