import * as tf from '@tensorflow/tfjs-core'
import { type KernelCase, result, type Shape } from './case.ts'

type Unary = (x: tf.Tensor) => tf.Tensor
const [nan, inf] = [Number.NaN, Number.POSITIVE_INFINITY]

const at = (kernel: string, values: readonly number[], run: Unary, slopes = true): KernelCase => ({
  kernel,
  inputs: [{ shape: [values.length], values }],
  run: run as KernelCase['run'],
  isKink: true,
  ...(slopes ? { gradients: [0] } : {}),
})

/** Each value of the one with each of the other. */
const grid = (
  kernel: string,
  [a, b]: readonly [readonly number[], readonly number[]],
  run: (a: tf.Tensor, b: tf.Tensor) => tf.Tensor,
  dtype: 'float32' | 'int32' = 'float32',
): KernelCase => ({
  kernel,
  inputs: [
    { shape: [a.length, 1], values: a, dtype },
    { shape: [b.length], values: b, dtype },
  ],
  run: run as KernelCase['run'],
})

const everything = [nan, inf, -inf, 0, -0, 1e-30, -1e-30, 0.5, -0.5, 1, -1, 3.3, -3.3, 50, -50, 1e30, -1e30]
const both: readonly [readonly number[], readonly number[]] = [everything, everything]
const numbers = everything.filter((value) => !Number.isNaN(value))
const halves = [0.5, -0.5, 1.5, -1.5, 2.5, -2.5, 3.5, 0.49999997, 2.51, -2.51, 8388609, inf, -inf, nan, -0]
const saturating = [-100, -30, -10, -1, 0, 1, 10, 30, 100]
const tiny = [1e-8, -1e-8, 1e-6, -1e-6, 1e-4, -1e-4, 1e-3, -1e-3, 0]
const ones = (shape: Shape, value: number) => result(shape, Array<number>(shape[0]!).fill(value))

export const edgeCases: readonly KernelCase[] = [
  at('Abs', numbers, tf.abs),
  at('Neg', everything, tf.neg),
  at('Relu', everything, tf.relu),
  at('Step', everything, (x) => tf.step(x, 0.25)),
  at('LeakyRelu', everything, (x) => tf.leakyRelu(x, 0.2)),
  at('ClipByValue', everything, (x) => tf.clipByValue(x, -1, 2)),
  at('IsNan', everything, tf.isNaN, false),
  at('Reciprocal', everything, tf.reciprocal),
  at('Round', halves, tf.round),
  at('Floor', halves, tf.floor),
  at('Ceil', halves, tf.ceil),
  at('Sqrt', everything, tf.sqrt),
  at('Rsqrt', everything, tf.rsqrt),
  at('Square', everything, tf.square),
  at('Log', everything, tf.log),
  at('Cast', everything, (x) => tf.cast(x, 'bool'), false),
  at('Cast', [1.9, -1.9, 0.5, -0.5, -0, 1e9, -1e9], (x) => tf.cast(x, 'int32'), false),
  at('Exp', saturating.slice(0, -1), tf.exp),
  at('Exp', [100, -120, inf, -inf, nan], tf.exp),
  at('Expm1', tiny, tf.expm1),
  at('Expm1', [-100, -30, 0, 30, 88, inf, -inf, nan], tf.expm1),
  at('Log1p', tiny, tf.log1p),
  at('Log1p', [-1, -2, -0.9999, 1e10, 3e38, inf, -inf, nan], tf.log1p),
  at('Elu', [...saturating, inf, -inf, nan], tf.elu),
  at('Sigmoid', [...saturating, inf, -inf, nan], tf.sigmoid),
  at('Softplus', [...saturating, inf, -inf, nan], tf.softplus),
  at('Tanh', [...saturating, inf, -inf, nan], tf.tanh),
  at('Tanh', tiny, tf.tanh),
  at('Erf', [...saturating, inf, -inf, nan], tf.erf),
  at('Sin', [...tiny, -3, 3, 20, -20], tf.sin),
  at('Cos', [...tiny, -3, 3, 20, -20], tf.cos),
  at('Softmax', [-100, 100, 0], (x) => tf.softmax(x)),
  at('Softmax', [1000, 1000, -1000], (x) => tf.softmax(x)),
  at('Softmax', [-inf, 1, 2], (x) => tf.softmax(x)),
  at('Softmax', [nan, 1, 2], (x) => tf.softmax(x)),
  at('Log', [-1000, 1000, 0], (x) => tf.logSoftmax(x)),
  at('Max', [1, nan, 2], (x) => tf.max(x)),
  at('Min', [1, nan, 2], (x) => tf.min(x)),
  at('Sum', [inf, -inf, 1], (x) => tf.sum(x)),
  at('Mean', [inf, 2, 1], (x) => tf.mean(x)),
  at('Cumsum', [1, nan, 2, inf], (x) => tf.cumsum(x)),
  {
    // Not a number has no sign; the oracle says 0, and so hides it.
    ...at('Sign', [nan], tf.sign, false),
    expected: () => ({ output0: ones([1], nan) }),
  },
  at('Sign', numbers, tf.sign),
  {
    // erf(x) is 2 / sqrt(pi) x about 0; the oracle's approximation is out by 1e-9 there.
    ...at('Erf', [1e-6, -1e-6, 1e-8], tf.erf, false),
    expected: ([...x]) => ({
      output0: result(
        [3],
        x.map((each) => (2 / Math.sqrt(Math.PI)) * Number(each)),
      ),
    }),
  },

  grid('Add', both, tf.add),
  grid('Sub', both, tf.sub),
  grid('Multiply', both, tf.mul),
  grid('RealDiv', both, tf.div),
  grid('Maximum', both, tf.maximum),
  grid('Minimum', both, tf.minimum),
  grid('SquaredDifference', both, tf.squaredDifference),
  grid('Equal', both, tf.equal),
  grid('NotEqual', both, tf.notEqual),
  grid('Greater', both, tf.greater),
  grid('GreaterEqual', both, tf.greaterEqual),
  grid('Less', both, tf.less),
  grid('LessEqual', both, tf.lessEqual),
  grid('Select', both, (a, b) => tf.where(tf.greater(a, b), a, b)),
  grid(
    'Pow',
    [
      [0, -0, 1, -1, 2, -2, 0.5, 1e30, 1e-30],
      [0, 1, -1, 2, -2, 3, 0.5, -0.5],
    ],
    tf.pow,
  ),
  grid(
    'FloorDiv',
    [
      [7, -7, 6, -6, 0, 0.5, -0.5],
      [2, -2, 3, -3, 0.5, 0, -0],
    ],
    tf.floorDiv,
  ),
  grid(
    'FloorDiv',
    [
      [7, -7, 6, -6, 0, 16777217, -16777217, 2147483647],
      [2, -2, 3, -3, 1, 0],
    ],
    tf.floorDiv,
    'int32',
  ),
  grid(
    'Multiply',
    [
      [30011, -4],
      [70001, 5],
    ],
    tf.mul,
    'int32',
  ),
]
