import * as tf from '@tensorflow/tfjs-core'
import { positiveAxes } from '../kernels/kernel.ts'
import type { Gradient, GradientTable } from './gradient.ts'

/** The result of a reduction, with its reduced axes back as axes of length 1. */
const kept = (y: tf.Tensor, x: tf.Tensor, axes: readonly number[]): tf.Tensor =>
  tf.reshape(
    y,
    x.shape.map((length, axis) => (axes.includes(axis) ? 1 : length)),
  )

/** dy repeated to the shape of x, which may have no entries; TensorFlow.js repeats no axis 0 times. */
const spread = (dy: tf.Tensor, { size, shape }: tf.Tensor): tf.Tensor =>
  size === 0 ? tf.zeros(shape) : tf.broadcastTo(dy, shape)

const countOf = (x: tf.Tensor, axes: readonly number[]): number =>
  axes.reduce((count, axis) => count * x.shape[axis]!, 1)

const reductionGradient = (
  slope: (dy: tf.Tensor, x: tf.Tensor, axes: readonly number[]) => tf.Tensor,
  axisName = 'axis',
): Gradient => ({
  inputsToSave: ['x'],
  gradFunc: (dy, [x], attributes) => {
    const axes = positiveAxes(attributes[axisName], x!.rank)
    return { x: () => slope(kept(dy as tf.Tensor, x!, axes), x!, axes) }
  },
})

/** Every entry that equals the extreme gets the whole gradient, as in TensorFlow.js. */
const extreme = (of: (x: tf.Tensor, axes: number[], keep: true) => tf.Tensor, axisName?: string): Gradient =>
  reductionGradient((dy, x, axes) => tf.mul(dy, tf.cast(tf.equal(x, of(x, [...axes], true)), 'float32')), axisName)

/** For each entry the product of the others along `axis`, by a pass from each end: right also where entries are 0. */
function productsOfOthers(x: tf.Tensor, axis: number): tf.Tensor {
  const parts = tf.unstack(x, axis)
  const running = (list: readonly tf.Tensor[]) => {
    let product = tf.onesLike(list[0]!)
    return list.map((part) => {
      const others = product
      product = tf.mul(product, part)
      return others
    })
  }
  const before = running(parts)
  const after = running(parts.toReversed()).toReversed()
  return tf.stack(
    before.map((part, index) => tf.mul(part, after[index]!)),
    axis,
  )
}

export const reduceGradients: GradientTable = {
  Sum: reductionGradient((dy, x) => spread(dy, x)),
  Mean: reductionGradient((dy, x, axes) => spread(tf.div(dy, countOf(x, axes)), x)),
  Max: extreme((x, axes, keep) => tf.max(x, axes, keep), 'reductionIndices'),
  Min: extreme((x, axes, keep) => tf.min(x, axes, keep)),
  Prod: reductionGradient((dy, x, axes) => {
    if (x.size === 0) return tf.zeros(x.shape)
    const others = x.shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis))
    const order = [...others, ...axes]
    const back = order.map((_, axis) => order.indexOf(axis))
    const moved = tf.transpose(x, order)
    const flat = tf.reshape(moved, [...others.map((axis) => x.shape[axis]!), countOf(x, axes)])
    const slopes = tf.transpose(tf.reshape(productsOfOthers(flat, others.length), moved.shape), back)
    return tf.mul(dy, slopes)
  }),
  Softmax: {
    outputsToSave: [true],
    gradFunc: (dy, [y], { dim }) => ({
      logits: () => {
        const weighted = tf.mul(dy as tf.Tensor, y!)
        return tf.sub(weighted, tf.mul(tf.sum(weighted, [Number(dim)], true), y!))
      },
    }),
  },
  Cumsum: {
    gradFunc: (dy, _, { axis, exclusive, reverse }) => ({
      x: () => tf.cumsum(dy as tf.Tensor, Number(axis), exclusive === true, reverse !== true),
    }),
  },
}
