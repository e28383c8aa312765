import * as tf from '@tensorflow/tfjs-core'

/** A gradient as TensorFlow.js registers it, less its name. */
export type Gradient = Omit<tf.GradConfig, 'kernelName'>
export type GradientTable = Readonly<Record<string, Gradient>>

/** dx from dy and the input x. */
export const unaryGradient = (
  slope: (dy: tf.Tensor, x: tf.Tensor, attributes: tf.NamedAttrMap) => tf.Tensor,
): Gradient => ({
  inputsToSave: ['x'],
  gradFunc: (dy, [x], attributes) => ({ x: () => slope(dy as tf.Tensor, x!, attributes) }),
})

/** dx from dy and the output y. */
export const outputGradient = (slope: (dy: tf.Tensor, y: tf.Tensor) => tf.Tensor): Gradient => ({
  outputsToSave: [true],
  gradFunc: (dy, [y]) => ({ x: () => slope(dy as tf.Tensor, y!) }),
})

/** No slope: comparisons and the like. */
export const flatGradient = (names: readonly string[]): Gradient => ({
  inputsToSave: [...names],
  gradFunc: (_, inputs) => Object.fromEntries(names.map((name, i) => [name, () => tf.zeros(inputs[i]!.shape)])),
})

type Slopes = readonly [() => tf.Tensor, () => tf.Tensor]

/** da and db from dy, a and b, each summed over the axes along which its input was repeated. */
export const binaryGradient = (slopes: (dy: tf.Tensor, a: tf.Tensor, b: tf.Tensor) => Slopes): Gradient => ({
  inputsToSave: ['a', 'b'],
  gradFunc: (dy, [a, b]) => {
    const [left, right] = slopes(dy as tf.Tensor, a!, b!)
    return { a: () => summedTo(left(), a!.shape), b: () => summedTo(right(), b!.shape) }
  },
})

/** Sums a broadcast result back to the shape it was broadcast from. */
export function summedTo(x: tf.Tensor, shape: readonly number[]): tf.Tensor {
  const added = x.rank - shape.length
  const axes = x.shape.flatMap((length, axis) =>
    axis < added || (shape[axis - added] === 1 && length !== 1) ? [axis] : [],
  )
  const summed = axes.length === 0 ? x : tf.sum(x, axes)
  return summed.shape.join() === shape.join() ? summed : tf.reshape(summed, [...shape])
}
