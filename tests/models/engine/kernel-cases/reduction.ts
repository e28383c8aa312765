import * as tf from '@tensorflow/tfjs-core'
import type { DType } from '../../../../models/engine/program.ts'
import { createRandom } from '../../../../models/engine/random.ts'
import { type KernelCase, result, type Shape } from './case.ts'
import { randomShapes } from './shapes.ts'

type Reduce = (x: tf.Tensor, axis?: number[], keepDims?: boolean) => tf.Tensor
type Axes = number[] | undefined

const plain: readonly (readonly [Shape, Axes])[] = [
  [[], undefined],
  [[], []],
  [[6], [0]],
  [[3, 4], undefined],
  [[3, 4], [-1]],
  [
    [3, 4, 2],
    [0, 2],
  ],
  [
    [2, 3, 1, 4],
    [1, 2],
  ],
  [
    [2, 3, 2, 2, 3],
    [0, 3],
  ],
]
const { uniform } = createRandom(1)
const random: readonly (readonly [Shape, Axes])[] = randomShapes(1, [2, 3, 4, 5], { empty: false }).map(
  (shape) => [shape, shape.map((_, axis) => axis).filter(() => uniform() < 0.5)] as const,
)
/** Over the axis without entries, over another, over all, over none. */
const overEmpty: readonly (readonly [Shape, Axes])[] = [[2, 0, 3], [0]].flatMap((shape): [Shape, Axes][] => [
  ...shape.map((_, axis): [Shape, Axes] => [shape, [axis]]),
  [shape, undefined],
])

const reducedTo = (shape: Shape, axes: Axes, keepDims: boolean): Shape =>
  keepDims
    ? shape.map((extent, axis) => ((axes ?? [axis]).includes(axis) ? 1 : extent))
    : shape.filter((_, axis) => axes !== undefined && !axes.includes(axis))

/** `ofNone`: of no entries, where the oracle gives what is no number. */
const reduction = (kernel: string, run: Reduce, { ofNone }: { ofNone?: number } = {}): KernelCase[] =>
  [...plain, ...random, ...overEmpty].flatMap(([shape, axes]) =>
    [false, true].map((keepDims): KernelCase => {
      const to = reducedTo(shape, axes, keepDims)
      const size = to.reduce((product, extent) => product * extent, 1)
      return {
        kernel,
        inputs: [{ shape, draw: kernel === 'Prod' ? 'positive' : 'around zero' }],
        run: (x) => run(x!, axes, keepDims),
        gradients: [0],
        ...(ofNone !== undefined && shape.includes(0)
          ? {
              expected: () => ({ output0: result(to, Array<number>(size).fill(ofNone)), gradient0: result(shape, []) }),
            }
          : {}),
      }
    }),
  )

const ofType = (dtype: DType, kernel: string, run: Reduce): KernelCase[] =>
  ([undefined, [1], [0, 2]] as const).map((axes) => ({
    kernel,
    inputs: [{ shape: [2, 3, 2], dtype, ...(kernel === 'Prod' ? { draw: 'counts' as const } : {}) }],
    run: (x) => run(x!, axes === undefined ? undefined : [...axes]),
  }))

const smooth = (kernel: string, shape: Shape, run: (x: tf.Tensor) => tf.Tensor): KernelCase => ({
  kernel,
  inputs: [{ shape }],
  run: run as KernelCase['run'],
  gradients: [0],
})

const flags = [false, true]

export const reductionCases: readonly KernelCase[] = [
  ...reduction('Sum', tf.sum),
  ...reduction('Mean', tf.mean),
  ...reduction('Max', tf.max, { ofNone: Number.NEGATIVE_INFINITY }),
  ...reduction('Min', tf.min, { ofNone: Number.POSITIVE_INFINITY }),
  ...reduction('Prod', tf.prod),
  ...ofType('int32', 'Sum', tf.sum),
  ...ofType('bool', 'Sum', tf.sum),
  ...ofType('int32', 'Mean', tf.mean),
  ...ofType('bool', 'Mean', tf.mean),
  ...ofType('int32', 'Max', tf.max),
  ...ofType('int32', 'Min', tf.min),
  ...ofType('int32', 'Prod', tf.prod),
  // Where entries are 0, the product of the others is not the product over the entry.
  ...[
    [0, 2, 3, -1, 2, 0.5],
    [0, 0, 3, -1, 0, 0.5],
  ].map(
    (values): KernelCase => ({
      kernel: 'Prod',
      inputs: [{ shape: [2, 3], values }],
      run: (x) => tf.prod(x!, 1),
      gradients: [0],
    }),
  ),
  // The extreme several times: each gets the whole gradient.
  ...[tf.max, tf.min].map(
    (run, i): KernelCase => ({
      kernel: ['Max', 'Min'][i]!,
      inputs: [{ shape: [2, 3], values: [2, 2, 1, -1, 1, -1] }],
      run: (x) => run(x!, 1),
      gradients: [0],
      isKink: true,
    }),
  ),

  ...([[6], [2, 3, 5], [4, 1], [2, 1, 2, 2, 3], [0], [0, 3], [2, 0]] as const).flatMap((shape) => [
    smooth('Softmax', shape, (x) => tf.softmax(x)),
    smooth('Log', shape, (x) => tf.logSoftmax(x)),
  ]),
  ...randomShapes(3, [1, 2, 3]).map((shape) => smooth('Softmax', shape, (x) => tf.softmax(x))),

  ...[[7], [3, 4, 2], [2, 0, 3], [2, 2, 1, 3, 2]].flatMap((shape) =>
    shape.flatMap((_, axis) =>
      flags.flatMap((exclusive) =>
        flags.map((reverse) => smooth('Cumsum', shape, (x) => tf.cumsum(x, axis, exclusive, reverse))),
      ),
    ),
  ),
  ...flags.map(
    (reverse): KernelCase => ({
      kernel: 'Cumsum',
      inputs: [{ shape: [3, 4], dtype: 'int32' }],
      run: (x) => tf.cumsum(x!, 1, false, reverse),
    }),
  ),
]
