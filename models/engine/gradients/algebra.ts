import * as tf from '@tensorflow/tfjs-core'
import { positiveAxis } from '../kernels/kernel.ts'
import { type GradientTable, summedTo } from './gradient.ts'

export const algebraGradients: GradientTable = {
  BatchMatMul: {
    inputsToSave: ['a', 'b'],
    gradFunc: (dy, [a, b], { transposeA, transposeB }) => {
      const upstream = dy as tf.Tensor
      const [turnedA, turnedB] = [transposeA === true, transposeB === true]
      const slopeA = () => (turnedA ? tf.matMul(b!, upstream, turnedB, true) : tf.matMul(upstream, b!, false, !turnedB))
      const slopeB = () => (turnedB ? tf.matMul(upstream, a!, true, turnedA) : tf.matMul(a!, upstream, !turnedA, false))
      return { a: () => summedTo(slopeA(), a!.shape), b: () => summedTo(slopeB(), b!.shape) }
    },
  },
  GatherV2: {
    inputsToSave: ['x', 'indices'],
    gradFunc: (dy, [x, indices], attributes) => {
      const axis = positiveAxis(Number(attributes.axis ?? 0), x!.rank)
      const slope = () => {
        const outer = x!.shape.slice(0, axis)
        const inner = x!.shape.slice(axis + 1)
        const rows = tf.reshape(dy as tf.Tensor, [...outer, indices!.size, ...inner])
        const order = rows.shape.map((_, each) => each)
        order.splice(axis, 1)
        order.unshift(axis)
        const ids = tf.reshape(indices as tf.Tensor1D, [indices!.size])
        const summed = tf.unsortedSegmentSum(tf.transpose(rows, order), ids as tf.Tensor1D, x!.shape[axis]!)
        return tf.transpose(
          summed,
          order.map((_, each) => order.indexOf(each)),
        )
      }
      // TensorFlow.js takes gradients of float32 only, also of whole numbers.
      return { x: slope, indices: () => tf.zeros(indices!.shape) }
    },
  },
  UnsortedSegmentSum: {
    inputsToSave: ['segmentIds'],
    gradFunc: (dy, [ids]) => ({
      x: () => tf.gather(dy as tf.Tensor, ids as tf.Tensor1D),
      segmentIds: () => tf.zeros(ids!.shape),
    }),
  },
}
