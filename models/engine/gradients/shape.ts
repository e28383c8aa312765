import * as tf from '@tensorflow/tfjs-core'
import { positiveAxis } from '../kernels/kernel.ts'
import { type GradientTable, summedTo } from './gradient.ts'

const reshapeGradient = (name: string) => ({
  inputsToSave: [name],
  gradFunc: (dy: tf.Tensor | tf.Tensor[], [x]: tf.Tensor[]) => ({
    [name]: () => tf.reshape(dy as tf.Tensor, x!.shape),
  }),
})

/** TensorFlow.js hands over the gradient of an only output as it is, not in a list. */
const partsOf = (dy: tf.Tensor | tf.Tensor[]): tf.Tensor[] => [dy].flat()

export const shapeGradients: GradientTable = {
  Reshape: reshapeGradient('x'),
  ExpandDims: reshapeGradient('input'),
  Transpose: {
    gradFunc: (dy, _, { perm }) => {
      const order = perm as number[]
      return {
        x: () =>
          tf.transpose(
            dy as tf.Tensor,
            order.map((_, axis) => order.indexOf(axis)),
          ),
      }
    },
  },
  Concat: {
    saveAllInputs: true,
    gradFunc: (dy, inputs, attributes) => {
      const axis = positiveAxis(Number(attributes.axis ?? 0), inputs[0]!.rank)
      const parts = tf.split(
        dy as tf.Tensor,
        inputs.map((input) => input.shape[axis]!),
        axis,
      )
      return Object.fromEntries(parts.map((part, index) => [index, () => part]))
    },
  },
  Pack: {
    saveAllInputs: true,
    gradFunc: (dy, _, { axis }) =>
      Object.fromEntries(tf.unstack(dy as tf.Tensor, Number(axis)).map((part, index) => [index, () => part])),
  },
  Unpack: {
    gradFunc: (dy, _, { axis }) => ({ value: () => tf.stack(partsOf(dy), Number(axis)) }),
  },
  SplitV: {
    gradFunc: (dy, _, { axis }) => ({ x: () => tf.concat(partsOf(dy), Number(axis)) }),
  },
  Slice: {
    inputsToSave: ['x'],
    gradFunc: (dy, [x], { begin }) => {
      const upstream = dy as tf.Tensor
      const starts = [begin as number | number[]].flat()
      const around = x!.shape.map((length, axis): [number, number] => {
        const before = starts[axis] ?? 0
        return [before, length - before - upstream.shape[axis]!]
      })
      return { x: () => tf.pad(upstream, around) }
    },
  },
  PadV2: {
    inputsToSave: ['x'],
    gradFunc: (dy, [x], { paddings }) => ({
      x: () =>
        tf.slice(
          dy as tf.Tensor,
          (paddings as unknown as [number, number][]).map(([before]) => before),
          x!.shape,
        ),
    }),
  },
  Tile: {
    inputsToSave: ['x'],
    gradFunc: (dy, [x], { reps }) => {
      const times = reps as number[]
      const upstream = dy as tf.Tensor
      if (times.every((count, axis) => count === 1 || x!.shape[axis] === 1))
        return { x: () => summedTo(upstream, x!.shape) }
      const pairs = x!.shape.flatMap((length, axis) => [times[axis]!, length])
      return {
        x: () =>
          tf.sum(
            tf.reshape(upstream, pairs),
            times.map((_, axis) => axis * 2),
          ),
      }
    },
  },
}
