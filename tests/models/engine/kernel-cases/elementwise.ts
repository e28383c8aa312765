import * as tf from '@tensorflow/tfjs-core'
import type { DType } from '../../../../models/engine/program.ts'
import { type Draw, type KernelCase, result, type Shape } from './case.ts'
import { pairs, randomPairs, randomShapes, ranks } from './shapes.ts'

type Unary = (x: tf.Tensor) => tf.Tensor
type Binary = (a: tf.Tensor, b: tf.Tensor) => tf.Tensor
type Options = Pick<KernelCase, 'isKink'> & { readonly draws?: readonly Draw[]; readonly slopes?: boolean }

let seed = 0

const ofShapes = (
  kernel: string,
  run: KernelCase['run'],
  shapes: readonly (readonly Shape[])[],
  { draws = [], slopes = true, isKink = false }: Options = {},
): KernelCase[] =>
  shapes.map((inputs) => ({
    kernel,
    run,
    isKink,
    inputs: inputs.map((shape, i) => ({ shape, draw: draws[i] ?? 'around zero' })),
    ...(slopes ? { gradients: inputs.map((_, i) => i) } : {}),
  }))

const unary = (kernel: string, run: Unary, options?: Options): KernelCase[] =>
  ofShapes(
    kernel,
    run,
    [...ranks, [2, 0, 3], ...randomShapes(++seed, [2, 4])].map((shape) => [shape]),
    options,
  )

const binary = (kernel: string, run: Binary, options?: Options): KernelCase[] =>
  ofShapes(kernel, run as KernelCase['run'], [...pairs, ...randomPairs(++seed, [2, 3, 4])], options)

const ofType = (dtype: DType, kernel: string, run: KernelCase['run'], shapes: readonly (readonly Shape[])[]) =>
  shapes.map((inputs): KernelCase => ({ kernel, run, inputs: inputs.map((shape) => ({ shape, dtype })) }))

const unaryOf = (dtype: DType, kernel: string, run: Unary): KernelCase[] =>
  ofType(dtype, kernel, run, [[[]], [[3, 4]], [[2, 0]]])
const binaryOf = (dtype: DType, kernel: string, run: Binary): KernelCase[] =>
  ofType(dtype, kernel, run as KernelCase['run'], [[[], []], [[4, 3], [3]], [[2, 0], [1]], ...randomPairs(++seed, [4])])

const few = (kernel: string, run: Binary): KernelCase[] =>
  ofShapes(kernel, run as KernelCase['run'], randomPairs(++seed, [1, 3]))

/** A condition has no slope: x where it holds has that of x. */
const condition = (kernel: string, run: Binary, dtypes: readonly DType[]): KernelCase[] => [
  ...binary(kernel, run, { slopes: false }),
  ...dtypes.flatMap((dtype) => binaryOf(dtype, kernel, run)),
  ...few(kernel, (a, b) => tf.mul(a, tf.cast(run(a, b), 'float32'))),
]
const logical = (kernel: string, run: Binary): KernelCase[] => [
  ...binaryOf('bool', kernel, run),
  ...few(kernel, (a, b) => tf.mul(a, tf.cast(run(tf.greater(a, 0), tf.greater(b, 0)), 'float32'))),
]

const select: KernelCase['run'] = (a, b) => tf.where(tf.greater(a!, b!), tf.mul(a!, 2), b!)
const positive: Options = { draws: ['positive'] }
const kink: Options = { isKink: true }
const whole = { dtype: 'int32' } as const

export const elementwiseCases: readonly KernelCase[] = [
  ...unary('Abs', tf.abs),
  ...unary('Ceil', tf.ceil, kink),
  ...unary('Cos', tf.cos),
  ...unary('Elu', tf.elu),
  ...unary('Erf', tf.erf),
  ...unary('Exp', tf.exp),
  ...unary('Expm1', tf.expm1),
  ...unary('Floor', tf.floor, kink),
  ...unary('Identity', (x) => tf.clone(x)),
  ...unary('IsNan', (x) => tf.isNaN(tf.log(x)), { slopes: false }),
  ...unary('IsNan', (x) => tf.mul(x, tf.cast(tf.isNaN(x), 'float32'))),
  ...unary('Log', tf.log, positive),
  ...unary('Log1p', tf.log1p, positive),
  ...unary('LogicalNot', (x) => tf.mul(x, tf.cast(tf.logicalNot(tf.greater(x, 0)), 'float32'))),
  ...unary('Neg', tf.neg),
  ...unary('OnesLike', (x) => tf.onesLike(x)),
  ...unary('Reciprocal', tf.reciprocal),
  ...unary('Relu', tf.relu),
  ...unary('Round', tf.round, kink),
  ...unary('Rsqrt', tf.rsqrt, positive),
  ...unary('Sigmoid', tf.sigmoid),
  ...unary('Sign', tf.sign),
  ...unary('Sin', tf.sin),
  ...unary('Softplus', tf.softplus),
  ...unary('Sqrt', tf.sqrt, positive),
  ...unary('Square', tf.square),
  ...unary('Tanh', tf.tanh),
  ...unary('ZerosLike', (x) => tf.zerosLike(x)),
  ...unary('ClipByValue', (x) => tf.clipByValue(x, -0.7, 0.9)),
  ...unary('ClipByValue', (x) => tf.clipByValue(x, Number.NEGATIVE_INFINITY, 0.9)),
  ...unary('LeakyRelu', (x) => tf.leakyRelu(x, 0.3)),
  ...unary('Step', (x) => tf.step(x, 0.25)),
  ...unary('Cast', (x) => tf.cast(tf.cast(x, 'int32'), 'float32'), kink),
  ...unary('Cast', (x) => tf.cast(tf.cast(x, 'bool'), 'float32'), kink),

  ...binary('Add', tf.add),
  ...binary('Sub', tf.sub),
  ...binary('Multiply', tf.mul),
  ...binary('RealDiv', tf.div, { draws: ['around zero', 'positive'] }),
  ...binary('FloorDiv', tf.floorDiv, { slopes: false }),
  ...binary('Maximum', tf.maximum),
  ...binary('Minimum', tf.minimum),
  ...binary('Pow', tf.pow, { draws: ['positive', 'around zero'] }),
  ...binary('SquaredDifference', tf.squaredDifference),
  ...condition('Equal', tf.equal, ['int32', 'bool']),
  ...condition('NotEqual', tf.notEqual, ['int32', 'bool']),
  ...condition('Greater', tf.greater, ['int32']),
  ...condition('GreaterEqual', tf.greaterEqual, ['int32']),
  ...condition('Less', tf.less, ['int32']),
  ...condition('LessEqual', tf.lessEqual, ['int32']),
  ...logical('LogicalAnd', tf.logicalAnd),
  ...logical('LogicalOr', tf.logicalOr),
  // TensorFlow.js repeats no axis 0 times, so the oracle leaves an axis at 1 that has no entries in the other input.
  ...ofShapes('Select', select, [...pairs, ...randomPairs(3, [2, 3, 4])]),
  {
    kernel: 'Select',
    inputs: [{ shape: [2, 1, 3] }, { shape: [0, 1] }],
    run: select,
    gradients: [0, 1],
    expected: () => ({
      output0: result([2, 0, 3], []),
      gradient0: result([2, 1, 3], [0, 0, 0, 0, 0, 0]),
      gradient1: result([0, 1], []),
    }),
  },
  ...[[], [3, 4], [2, 0, 3], [2, 1, 2, 1, 3]].map(
    (shape): KernelCase => ({
      kernel: 'AddN',
      inputs: [{ shape }, { shape }, { shape }],
      run: (...xs) => tf.addN(xs),
      gradients: [0, 1, 2],
    }),
  ),
  ...[1, 2, 3].map(
    (count): KernelCase => ({
      kernel: 'AddN',
      inputs: Array.from({ length: count }, () => ({ shape: [3, 2], ...whole })),
      run: (...xs) => tf.addN(xs),
    }),
  ),

  ...unaryOf('int32', 'Abs', tf.abs),
  ...unaryOf('int32', 'Neg', tf.neg),
  ...unaryOf('int32', 'Relu', tf.relu),
  ...unaryOf('int32', 'Sign', tf.sign),
  ...unaryOf('int32', 'Square', tf.square),
  ...unaryOf('int32', 'ClipByValue', (x) => tf.clipByValue(x, -1.5, 2.5)),
  ...unaryOf('int32', 'ClipByValue', (x) => tf.clipByValue(x, -2, Number.POSITIVE_INFINITY)),
  ...unaryOf('bool', 'LogicalNot', tf.logicalNot),
  ...(['int32', 'bool'] as const).flatMap((dtype) => [
    ...unaryOf(dtype, 'Identity', (x) => tf.clone(x)),
    ...unaryOf(dtype, 'OnesLike', (x) => tf.onesLike(x)),
    ...unaryOf(dtype, 'ZerosLike', (x) => tf.zerosLike(x)),
    ...binaryOf(dtype, 'Select', (a, b) => tf.where(tf.equal(a, b), a, tf.zerosLike(b))),
  ]),
  ...(['float32', 'int32', 'bool'] as const).flatMap((from) =>
    (['float32', 'int32', 'bool'] as const).flatMap((to) => unaryOf(from, 'Cast', (x) => tf.cast(x, to))),
  ),
  ...binaryOf('int32', 'Add', tf.add),
  ...binaryOf('int32', 'Sub', tf.sub),
  ...binaryOf('int32', 'Multiply', tf.mul),
  ...binaryOf('int32', 'FloorDiv', tf.floorDiv),
  ...binaryOf('int32', 'Maximum', tf.maximum),
  ...binaryOf('int32', 'Minimum', tf.minimum),
  ...binaryOf('int32', 'SquaredDifference', tf.squaredDifference),
]
