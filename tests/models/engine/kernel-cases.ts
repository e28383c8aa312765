import * as tf from '@tensorflow/tfjs-core'
import type { DType } from '../../../models/engine/program.ts'

/** One input: its shape, and what its numbers are drawn from (default: about 0, none within 0.1 of it). */
export interface CaseInput {
  readonly shape: readonly number[]
  readonly dtype?: DType
  /** `positive`: 0.2 to 3. `ids`: whole numbers from 0 below `below`. `flags`: 0 or 1. */
  readonly draw?: 'around zero' | 'positive' | 'ids' | 'flags'
  readonly below?: number
}

export interface KernelCase {
  /** The kernel that the case is there for. */
  readonly kernel: string
  readonly inputs: readonly CaseInput[]
  readonly run: (...inputs: tf.Tensor[]) => tf.Tensor | tf.Tensor[]
  /** Inputs whose gradient is compared too, by position. */
  readonly gradients?: readonly number[]
}

type Shape = readonly number[]
const ranks: readonly Shape[] = [[], [7], [3, 5], [2, 3, 4], [2, 1, 3, 2], [2, 2, 1, 3, 2]]
/** Same shapes, broadcasting of each kind, a scalar, rank 5. */
const pairs: readonly (readonly [Shape, Shape])[] = [
  [[], []],
  [[6], [6]],
  [[4, 3], [3]],
  [[3], [4, 3]],
  [
    [4, 1],
    [1, 5],
  ],
  [[2, 3, 4], []],
  [
    [2, 1, 3, 1],
    [4, 1, 2],
  ],
  [
    [2, 1, 2, 1, 3],
    [1, 2, 1, 2, 1],
  ],
]

const unary = (
  kernel: string,
  run: (x: tf.Tensor) => tf.Tensor,
  { draw = 'around zero', smooth = true }: { draw?: 'around zero' | 'positive'; smooth?: boolean } = {},
): KernelCase[] =>
  ranks.map((shape) => ({
    kernel,
    inputs: [{ shape, draw }],
    run: run as KernelCase['run'],
    ...(smooth ? { gradients: [0] } : {}),
  }))

const binary = (
  kernel: string,
  run: (a: tf.Tensor, b: tf.Tensor) => tf.Tensor,
  {
    draws = ['around zero', 'around zero'],
    smooth = true,
  }: { draws?: readonly ('around zero' | 'positive')[]; smooth?: boolean } = {},
): KernelCase[] =>
  pairs.map(([a, b]) => ({
    kernel,
    inputs: [
      { shape: a, draw: draws[0]! },
      { shape: b, draw: draws[1]! },
    ],
    run: run as KernelCase['run'],
    ...(smooth ? { gradients: [0, 1] } : {}),
  }))

const logical = (kernel: string, run: (a: tf.Tensor, b: tf.Tensor) => tf.Tensor): KernelCase[] =>
  pairs.map(([a, b]) => ({
    kernel,
    inputs: [
      { shape: a, dtype: 'bool', draw: 'flags' },
      { shape: b, dtype: 'bool', draw: 'flags' },
    ],
    run: run as KernelCase['run'],
  }))

const reduction = (
  kernel: string,
  run: (x: tf.Tensor, axis?: number[], keepDims?: boolean) => tf.Tensor,
): KernelCase[] =>
  (
    [
      [[], undefined],
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
    ] as const
  ).flatMap(([shape, axis]) =>
    [false, true].map((keepDims) => ({
      kernel,
      inputs: [{ shape, draw: kernel === 'Prod' ? ('positive' as const) : ('around zero' as const) }],
      run: (x: tf.Tensor) => run(x, axis === undefined ? undefined : [...axis], keepDims),
      gradients: [0],
    })),
  )

const shaped = (kernel: string, shape: Shape, run: (x: tf.Tensor) => tf.Tensor | tf.Tensor[]): KernelCase => ({
  kernel,
  inputs: [{ shape }],
  run: run as KernelCase['run'],
  gradients: [0],
})

const matMul = (a: Shape, b: Shape, transposeA = false, transposeB = false): KernelCase => ({
  kernel: 'BatchMatMul',
  inputs: [{ shape: a }, { shape: b }],
  run: (x, y) => tf.matMul(x!, y!, transposeA, transposeB),
  gradients: [0, 1],
})

export const kernelCases: readonly KernelCase[] = [
  ...unary('Abs', tf.abs),
  ...unary('Ceil', tf.ceil, { smooth: false }),
  ...unary('Cos', tf.cos),
  ...unary('Elu', tf.elu),
  ...unary('Erf', tf.erf),
  ...unary('Exp', tf.exp),
  ...unary('Expm1', tf.expm1),
  ...unary('Floor', tf.floor, { smooth: false }),
  ...unary('Identity', (x) => tf.clone(x)),
  ...unary('IsNan', (x) => tf.isNaN(tf.log(x)), { smooth: false }),
  ...unary('Log', tf.log, { draw: 'positive' }),
  ...unary('Log1p', tf.log1p, { draw: 'positive' }),
  ...unary('LogicalNot', (x) => tf.logicalNot(tf.greater(x, 0)), { smooth: false }),
  ...unary('Neg', tf.neg),
  ...unary('OnesLike', (x) => tf.mul(x, tf.onesLike(x))),
  ...unary('Reciprocal', tf.reciprocal),
  ...unary('Relu', tf.relu),
  ...unary('Round', tf.round, { smooth: false }),
  ...unary('Rsqrt', tf.rsqrt, { draw: 'positive' }),
  ...unary('Sigmoid', tf.sigmoid),
  ...unary('Sign', tf.sign, { smooth: false }),
  ...unary('Sin', tf.sin),
  ...unary('Softplus', tf.softplus),
  ...unary('Sqrt', tf.sqrt, { draw: 'positive' }),
  ...unary('Square', tf.square),
  ...unary('Tanh', tf.tanh),
  ...unary('ZerosLike', (x) => tf.add(x, tf.zerosLike(x))),
  ...unary('ClipByValue', (x) => tf.clipByValue(x, -0.7, 0.9)),
  ...unary('LeakyRelu', (x) => tf.leakyRelu(x, 0.3)),
  ...unary('Step', (x) => tf.step(x, 0.25), { smooth: false }),
  ...unary('Cast', (x) => tf.cast(tf.cast(x, 'int32'), 'float32'), { smooth: false }),
  ...unary('Cast', (x) => tf.cast(tf.cast(x, 'bool'), 'float32'), { smooth: false }),

  ...binary('Add', tf.add),
  ...binary('Sub', tf.sub),
  ...binary('Multiply', tf.mul),
  ...binary('RealDiv', tf.div, { draws: ['around zero', 'positive'] }),
  ...binary('FloorDiv', tf.floorDiv, { draws: ['around zero', 'positive'], smooth: false }),
  ...binary('Maximum', tf.maximum),
  ...binary('Minimum', tf.minimum),
  ...binary('Pow', tf.pow, { draws: ['positive', 'around zero'] }),
  ...binary('SquaredDifference', tf.squaredDifference),
  ...binary('Equal', tf.equal, { smooth: false }),
  ...binary('NotEqual', tf.notEqual, { smooth: false }),
  ...binary('Greater', tf.greater, { smooth: false }),
  ...binary('GreaterEqual', tf.greaterEqual, { smooth: false }),
  ...binary('Less', tf.less, { smooth: false }),
  ...binary('LessEqual', tf.lessEqual, { smooth: false }),
  ...logical('LogicalAnd', tf.logicalAnd),
  ...logical('LogicalOr', tf.logicalOr),
  ...pairs.map(
    ([a, b]): KernelCase => ({
      kernel: 'Select',
      inputs: [{ shape: a }, { shape: b }],
      run: (x, y) => tf.where(tf.greater(x!, y!), tf.mul(x!, 2), y!),
      gradients: [0, 1],
    }),
  ),
  {
    kernel: 'AddN',
    inputs: [{ shape: [3, 4] }, { shape: [3, 4] }, { shape: [3, 4] }],
    run: (...xs) => tf.addN(xs),
    gradients: [0, 1, 2],
  },

  ...reduction('Sum', tf.sum),
  ...reduction('Mean', tf.mean),
  ...reduction('Max', tf.max),
  ...reduction('Min', tf.min),
  ...reduction('Prod', tf.prod),
  shaped('Softmax', [6], (x) => tf.softmax(x)),
  shaped('Softmax', [2, 3, 5], (x) => tf.softmax(x)),
  shaped('Max', [4, 5], (x) => tf.logSoftmax(x)),
  ...[0, 1, 2].flatMap((axis) =>
    [false, true].flatMap((exclusive) =>
      [false, true].map((reverse) => shaped('Cumsum', [3, 4, 2], (x) => tf.cumsum(x, axis, exclusive, reverse))),
    ),
  ),

  matMul([3, 4], [4, 5]),
  matMul([4, 3], [4, 5], true),
  matMul([3, 4], [5, 4], false, true),
  matMul([4, 3], [5, 4], true, true),
  matMul([2, 3, 4], [2, 4, 5]),
  matMul([2, 4, 3], [2, 4, 5], true),
  matMul([2, 3, 4], [2, 5, 4], false, true),
  matMul([2, 4, 3], [2, 5, 4], true, true),
  matMul([1, 3, 4], [1, 4, 5]),
  matMul([2, 3, 4], [1, 4, 5]),
  matMul([3, 4], [2, 4, 5]),
  matMul([2, 2, 3, 4], [2, 2, 4, 5]),

  shaped('Reshape', [2, 6], (x) => tf.reshape(x, [3, -1])),
  shaped('Reshape', [], (x) => tf.reshape(x, [1, 1])),
  shaped('ExpandDims', [2, 3], (x) => tf.expandDims(x, 1)),
  shaped('ExpandDims', [2, 3], (x) => tf.expandDims(x, -1)),
  shaped('Transpose', [2, 3], (x) => tf.transpose(x)),
  shaped('Transpose', [2, 3, 4, 1, 2], (x) => tf.transpose(x, [3, 0, 4, 2, 1])),
  ...[0, 1, -1].map(
    (axis): KernelCase => ({
      kernel: 'Concat',
      inputs: [{ shape: [2, 3, 2] }, { shape: [2, 3, 2] }, { shape: [2, 3, 2] }],
      run: (...xs) => tf.concat(xs, axis),
      gradients: [0, 1, 2],
    }),
  ),
  {
    kernel: 'Concat',
    inputs: [{ shape: [2, 3] }, { shape: [2, 1] }, { shape: [2, 4] }],
    run: (...xs) => tf.concat(xs, 1),
    gradients: [0, 1, 2],
  },
  ...[0, 1, 2].map(
    (axis): KernelCase => ({
      kernel: 'Pack',
      inputs: [{ shape: [2, 3] }, { shape: [2, 3] }],
      run: (...xs) => tf.stack(xs, axis),
      gradients: [0, 1],
    }),
  ),
  ...[0, 1, 2].map((axis) => shaped('Unpack', [2, 3, 4], (x) => tf.unstack(x, axis))),
  shaped('SplitV', [2, 6], (x) => tf.split(x, 3, 1)),
  shaped('SplitV', [6, 2], (x) => tf.split(x, [1, 3, 2], 0)),
  shaped('SplitV', [6, 2], (x) => tf.split(x, [2, -1], 0)),
  shaped('Slice', [7], (x) => tf.slice(x, [2], [3])),
  shaped('Slice', [4, 5, 3], (x) => tf.slice(x, [1, 0, 2], [2, -1, 1])),
  shaped('Slice', [4, 5], (x) => tf.slice(x, 1, 2)),
  shaped('PadV2', [3, 2], (x) =>
    tf.pad(
      x,
      [
        [1, 2],
        [0, 1],
      ],
      0.5,
    ),
  ),
  shaped('PadV2', [2, 2, 2], (x) =>
    tf.pad(x, [
      [0, 0],
      [1, 0],
      [0, 3],
    ]),
  ),
  shaped('Tile', [2, 3], (x) => tf.tile(x, [2, 3])),
  shaped('Tile', [2, 1, 3], (x) => tf.broadcastTo(x, [2, 4, 3])),
  {
    kernel: 'StridedSlice',
    inputs: [{ shape: [5, 6] }],
    run: (x) => tf.stridedSlice(x!, [1, 0], [5, 6], [2, 3]),
  },
  {
    kernel: 'StridedSlice',
    inputs: [{ shape: [4, 5] }],
    run: (x) => tf.stridedSlice(x!, [0, 1], [2, 2], [1, 1], 1, 1, 0, 0, 2),
  },
  { kernel: 'Fill', inputs: [{ shape: [2, 3] }], run: (x) => tf.add(x!, tf.fill([2, 3], 1.5)), gradients: [0] },
  { kernel: 'Range', inputs: [{ shape: [4] }], run: (x) => tf.mul(x!, tf.range(1, 9, 2)), gradients: [0] },
  {
    kernel: 'OneHot',
    inputs: [{ shape: [2, 3], dtype: 'int32', draw: 'ids', below: 4 }],
    run: (ids) => tf.oneHot(ids as tf.Tensor2D, 4, 2, -1, 'float32'),
  },
  ...([0, 1] as const).map(
    (axis): KernelCase => ({
      kernel: 'GatherV2',
      inputs: [{ shape: [5, 4] }, { shape: [3], dtype: 'int32', draw: 'ids', below: 4 }],
      run: (x, ids) => tf.gather(x!, ids as tf.Tensor1D, axis),
      gradients: [0],
    }),
  ),
  {
    kernel: 'GatherV2',
    inputs: [{ shape: [5, 4] }, { shape: [2, 3], dtype: 'int32', draw: 'ids', below: 5 }],
    run: (x, ids) => tf.gather(x!, ids as tf.Tensor2D),
    gradients: [0],
  },
  {
    kernel: 'UnsortedSegmentSum',
    inputs: [{ shape: [8] }, { shape: [8], dtype: 'int32', draw: 'ids', below: 3 }],
    run: (x, ids) => tf.unsortedSegmentSum(x!, ids as tf.Tensor1D, 3),
    gradients: [0],
  },
  {
    kernel: 'UnsortedSegmentSum',
    inputs: [{ shape: [40, 2, 3] }, { shape: [40], dtype: 'int32', draw: 'ids', below: 4 }],
    run: (x, ids) => tf.unsortedSegmentSum(x!, ids as tf.Tensor1D, 5),
    gradients: [0],
  },
]
