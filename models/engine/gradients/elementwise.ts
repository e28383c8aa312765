import * as tf from '@tensorflow/tfjs-core'
import {
  binaryGradient,
  flatGradient,
  type GradientTable,
  outputGradient,
  summedTo,
  unaryGradient,
} from './gradient.ts'

const keep = (dy: tf.Tensor, condition: tf.Tensor): tf.Tensor => tf.mul(dy, tf.cast(condition, 'float32'))

const comparisons = ['Equal', 'Greater', 'GreaterEqual', 'Less', 'LessEqual', 'LogicalAnd', 'LogicalOr', 'NotEqual']

export const elementwiseGradients: GradientTable = {
  ...Object.fromEntries(comparisons.map((name) => [name, flatGradient(['a', 'b'])])),
  LogicalNot: flatGradient(['x']),
  IsNan: flatGradient(['x']),
  Identity: unaryGradient((dy) => dy),
  Cast: unaryGradient((dy) => dy),
  ZerosLike: unaryGradient((dy) => tf.zerosLike(dy)),
  OnesLike: unaryGradient((dy) => tf.zerosLike(dy)),
  Floor: unaryGradient((dy) => tf.zerosLike(dy)),
  Ceil: unaryGradient((dy) => tf.zerosLike(dy)),
  Round: unaryGradient((dy) => tf.zerosLike(dy)),
  Sign: unaryGradient((dy) => tf.zerosLike(dy)),
  Step: unaryGradient((dy) => tf.zerosLike(dy)),
  Neg: unaryGradient((dy) => tf.neg(dy)),
  Abs: unaryGradient((dy, x) => tf.mul(dy, tf.sign(x))),
  Square: unaryGradient((dy, x) => tf.mul(dy, tf.mul(x, 2))),
  Log: unaryGradient((dy, x) => tf.div(dy, x)),
  Log1p: unaryGradient((dy, x) => tf.div(dy, tf.add(x, 1))),
  Softplus: unaryGradient((dy, x) => tf.mul(dy, tf.sigmoid(x))),
  Erf: unaryGradient((dy, x) => tf.mul(dy, tf.mul(tf.exp(tf.neg(tf.square(x))), 2 / Math.sqrt(Math.PI)))),
  LeakyRelu: unaryGradient((dy, x, { alpha }) => tf.mul(dy, tf.step(x, Number(alpha)))),
  ClipByValue: unaryGradient((dy, x, { clipValueMin, clipValueMax }) =>
    keep(dy, tf.logicalAnd(tf.greaterEqual(x, Number(clipValueMin)), tf.lessEqual(x, Number(clipValueMax)))),
  ),
  Sin: unaryGradient((dy, x) => tf.mul(dy, tf.cos(x))),
  Cos: unaryGradient((dy, x) => tf.neg(tf.mul(dy, tf.sin(x)))),
  Exp: outputGradient((dy, y) => tf.mul(dy, y)),
  Expm1: unaryGradient((dy, x) => tf.mul(dy, tf.exp(x))),
  Sqrt: outputGradient((dy, y) => tf.div(tf.mul(dy, 0.5), y)),
  Rsqrt: outputGradient((dy, y) => tf.mul(tf.mul(dy, -0.5), tf.mul(y, tf.square(y)))),
  Reciprocal: outputGradient((dy, y) => tf.mul(tf.neg(dy), tf.square(y))),
  Sigmoid: outputGradient((dy, y) => tf.mul(dy, tf.sub(y, tf.square(y)))),
  Tanh: outputGradient((dy, y) => tf.mul(dy, tf.sub(1, tf.square(y)))),
  Relu: outputGradient((dy, y) => keep(dy, tf.greater(y, 0))),
  // Below 0 the slope is e^x = y + 1, above it 1.
  Elu: outputGradient((dy, y) => tf.mul(dy, tf.add(tf.minimum(y, 0), 1))),

  Add: binaryGradient((dy) => [() => dy, () => dy]),
  Sub: binaryGradient((dy) => [() => dy, () => tf.neg(dy)]),
  Multiply: binaryGradient((dy, a, b) => [() => tf.mul(dy, b), () => tf.mul(dy, a)]),
  RealDiv: binaryGradient((dy, a, b) => [() => tf.div(dy, b), () => tf.neg(tf.div(tf.mul(dy, a), tf.square(b)))]),
  SquaredDifference: binaryGradient((dy, a, b) => {
    const slope = () => tf.mul(dy, tf.mul(tf.sub(a, b), 2))
    return [slope, () => tf.neg(slope())]
  }),
  Maximum: binaryGradient((dy, a, b) => [() => keep(dy, tf.greaterEqual(a, b)), () => keep(dy, tf.less(a, b))]),
  Minimum: binaryGradient((dy, a, b) => [() => keep(dy, tf.lessEqual(a, b)), () => keep(dy, tf.greater(a, b))]),
  Pow: binaryGradient((dy, a, b) => [
    () => tf.mul(dy, tf.mul(b, tf.pow(a, tf.sub(b, 1)))),
    // The logarithm is taken of positive bases only; elsewhere the slope in the exponent counts as 0.
    () => tf.mul(dy, tf.mul(tf.pow(a, b), tf.log(tf.where(tf.greater(a, 0), a, tf.onesLike(a))))),
  ]),
  AddN: {
    saveAllInputs: true,
    gradFunc: (dy, inputs) => Object.fromEntries(inputs.map((_, index) => [index, () => dy as tf.Tensor])),
  },
  Select: {
    inputsToSave: ['condition', 't', 'e'],
    gradFunc: (dy, [condition, t, e]) => {
      const upstream = dy as tf.Tensor
      // Whole rows are picked by a condition of rank 1.
      const rank = upstream.rank - condition!.rank
      const mask = () =>
        tf.cast(tf.reshape(condition!, [...condition!.shape, ...new Array<number>(rank).fill(1)]), 'float32')
      return {
        condition: () => tf.zeros(condition!.shape),
        t: () => summedTo(tf.mul(upstream, mask()), t!.shape),
        e: () => summedTo(tf.mul(upstream, tf.sub(1, mask())), e!.shape),
      }
    },
  },
}
