import * as tf from '@tensorflow/tfjs-core'
import type { DType } from '../../../../models/engine/program.ts'
import { type KernelCase, result, type Shape } from './case.ts'
import { empties, randomShapes, ranks } from './shapes.ts'

type Run = (x: tf.Tensor) => tf.Tensor | tf.Tensor[]

const shaped = (kernel: string, shape: Shape, run: Run): KernelCase => ({
  kernel,
  inputs: [{ shape }],
  run: run as KernelCase['run'],
  gradients: [0],
})
/** Without a gradient: of StridedSlice and of other types there is none. */
const flat = (kernel: string, shape: Shape, run: Run, dtype: DType = 'float32'): KernelCase => ({
  kernel,
  inputs: [{ shape, dtype }],
  run: run as KernelCase['run'],
})
const joined = (kernel: string, shapes: readonly Shape[], run: (xs: tf.Tensor[]) => tf.Tensor): KernelCase => ({
  kernel,
  inputs: shapes.map((shape) => ({ shape })),
  run: (...xs) => run(xs),
  gradients: shapes.map((_, i) => i),
})
const made = (kernel: string, run: () => tf.Tensor): KernelCase => ({ kernel, inputs: [], run })

const axesOf = (shape: Shape): number[] => shape.map((_, axis) => axis)
const everyShape = [...ranks.slice(1), ...empties, ...randomShapes(1, [3, 5])]
const everyAxis = everyShape.flatMap((shape) => axesOf(shape).map((axis) => [shape, axis] as const))

/** The oracle looks up no part of a slice without entries. */
const noSlice = (shape: Shape, begin: number[], end: number[], strides: number[], to: Shape): KernelCase => ({
  ...flat('StridedSlice', shape, (x) => tf.stridedSlice(x, begin, end, strides)),
  expected: () => ({ output0: result(to, []) }),
})

export const shapeCases: readonly KernelCase[] = [
  ...everyShape.flatMap((shape) => [
    shaped('Reshape', shape, (x) => tf.reshape(x, [x.size])),
    shaped('Reshape', shape, (x) => tf.reshape(x, [...shape, 1])),
    ...(shape.length > 1 ? [shaped('Transpose', shape, (x) => tf.transpose(x))] : []),
    shaped('Tile', shape, (x) => tf.tile(x, [...shape.map((_, axis) => 1 + (axis % 3)), 2].slice(0, shape.length))),
    shaped('PadV2', shape, (x) =>
      tf.pad(
        x,
        shape.map((_, axis): [number, number] => [axis % 2, (axis + 1) % 3]),
        0.5,
      ),
    ),
    shaped('Slice', shape, (x) =>
      tf.slice(
        x,
        shape.map((extent) => Math.floor(extent / 2)),
        shape.map(() => -1),
      ),
    ),
    shaped('ExpandDims', shape, (x) => tf.expandDims(x, -1)),
  ]),
  ...everyAxis.flatMap(([shape, axis]) => [
    shaped('ExpandDims', shape, (x) => tf.expandDims(x, axis)),
    shaped('SplitV', shape, (x) => tf.split(x, [0, shape[axis]! - Math.min(shape[axis]!, 1), -1], axis)),
    joined('Concat', [shape, shape.with(axis, 2), shape.with(axis, 0)], (xs) => tf.concat(xs, axis)),
    joined('Pack', [shape, shape], (xs) => tf.stack(xs, axis)),
    ...(shape[axis] === 0 ? [] : [shaped('Unpack', shape, (x) => tf.unstack(x, axis))]),
  ]),
  shaped('Reshape', [2, 6], (x) => tf.reshape(x, [3, -1])),
  shaped('Reshape', [], (x) => tf.reshape(x, [1, 1])),
  shaped('ExpandDims', [], (x) => tf.expandDims(x)),
  shaped('Reshape', [2, 0], (x) => tf.reshape(x, [0, 7])),
  shaped('Transpose', [2, 3, 4, 1, 2], (x) => tf.transpose(x, [3, 0, 4, 2, 1])),
  shaped('Transpose', [2, 0, 3], (x) => tf.transpose(x, [1, 2, 0])),
  joined(
    'Concat',
    [
      [2, 3, 2],
      [2, 3, 2],
    ],
    (xs) => tf.concat(xs, -1),
  ),
  joined(
    'Concat',
    [
      [2, 0],
      [2, 0],
    ],
    (xs) => tf.concat(xs, 1),
  ),
  joined('Pack', [[], [], []], (xs) => tf.stack(xs)),
  joined(
    'Pack',
    [
      [2, 3],
      [2, 3],
    ],
    (xs) => tf.stack(xs, 2),
  ),
  joined('Pack', [[2, 3]], (xs) => tf.stack(xs, -1)),
  shaped('SplitV', [2, 6], (x) => tf.split(x, 3, 1)),
  shaped('SplitV', [6, 2], (x) => tf.split(x, [2, -1], 0)),
  shaped('SplitV', [3, 6], (x) => tf.split(x, 2, -1)),
  shaped('Slice', [7], (x) => tf.slice(x, [2], [3])),
  shaped('Slice', [4, 5, 3], (x) => tf.slice(x, [1, 0, 2], [2, -1, 1])),
  shaped('Slice', [4, 5], (x) => tf.slice(x, 1, 2)),
  shaped('Slice', [4, 5], (x) => tf.slice(x, [4, 0], [0, 2])),
  shaped('Tile', [2, 1, 3], (x) => tf.broadcastTo(x, [2, 4, 3])),
  shaped('Tile', [1, 3], (x) => tf.tile(x, [0, 2])),
  shaped('Tile', [1, 0], (x) => tf.tile(x, [3, 1])),
  shaped('PadV2', [2, 2, 2], (x) =>
    tf.pad(x, [
      [0, 0],
      [1, 0],
      [0, 3],
    ]),
  ),

  ...(['int32', 'bool'] as const).flatMap((dtype) => [
    flat('Reshape', [2, 6], (x) => tf.reshape(x, [3, 4]), dtype),
    flat('ExpandDims', [2, 3], (x) => tf.expandDims(x, 1), dtype),
    flat('Transpose', [2, 3, 4], (x) => tf.transpose(x, [2, 0, 1]), dtype),
    flat('Concat', [2, 3], (x) => tf.concat([x, x], 1), dtype),
    flat('Pack', [2, 3], (x) => tf.stack([x, x], 1), dtype),
    flat('Unpack', [2, 3], (x) => tf.unstack(x, 1), dtype),
    flat('SplitV', [5, 2], (x) => tf.split(x, [2, 3], 0), dtype),
    flat('Slice', [4, 5], (x) => tf.slice(x, [1, 2], [2, 2]), dtype),
    flat('StridedSlice', [4, 5], (x) => tf.stridedSlice(x, [0, 1], [4, 5], [2, 3]), dtype),
    flat('Tile', [2, 3], (x) => tf.tile(x, [2, 2]), dtype),
    flat('Tile', [2, 1], (x) => tf.tile(x, [1, 4]), dtype),
    flat(
      'PadV2',
      [2, 3],
      (x) =>
        tf.pad(
          x,
          [
            [1, 0],
            [0, 2],
          ],
          1,
        ),
      dtype,
    ),
    flat(
      'PadV2',
      [2, 0],
      (x) =>
        tf.pad(
          x,
          [
            [1, 0],
            [0, 2],
          ],
          1,
        ),
      dtype,
    ),
    made('Fill', () => tf.fill([2, 3], 1, dtype)),
    made('Fill', () => tf.fill([2, 0], 1, dtype)),
  ]),

  flat('StridedSlice', [5, 6], (x) => tf.stridedSlice(x, [1, 0], [5, 6], [2, 3])),
  flat('StridedSlice', [4, 5], (x) => tf.stridedSlice(x, [0, 1], [2, 2], [1, 1], 1, 1, 0, 0, 2)),
  flat('StridedSlice', [6], (x) => tf.stridedSlice(x, [4], [0], [-1])),
  flat('StridedSlice', [6], (x) => tf.stridedSlice(x, [-1], [-7], [-2])),
  flat('StridedSlice', [3, 4], (x) => tf.stridedSlice(x, [0, 0], [0, 0], [-1, -2], 3, 3)),
  flat('StridedSlice', [3, 4, 2], (x) => tf.stridedSlice(x, [1, 0], [3, 1], [1, 1], 0, 0, 2)),
  flat('StridedSlice', [3, 4], (x) => tf.stridedSlice(x, [0, 1, 0], [3, 2, 4], [1, 1, 2], 0, 0, 0, 2)),
  noSlice([6], [4], [2], [1], [0]),
  noSlice([3, 4], [0, 4], [2, 9], [1, 1], [2, 0]),
  noSlice([0, 4], [0, 0], [1, 4], [1, 2], [0, 2]),

  made('Fill', () => tf.fill([2, 3], 1.5)),
  made('Fill', () => tf.fill([], -2)),
  made('Fill', () => tf.fill([0, 3], 1)),
  made('Fill', () => tf.fill([2], Number.NEGATIVE_INFINITY)),
  made('Range', () => tf.range(1, 9, 2)),
  made('Range', () => tf.range(0, 1, 0.3)),
  made('Range', () => tf.range(5, -1, -2)),
  made('Range', () => tf.range(4, 1)),
  made('Range', () => tf.range(3, 3)),
  made('Range', () => tf.range(3, 1, 2)),
  made('Range', () => tf.range(-2, 5, 3, 'int32')),
  {
    kernel: 'Range',
    inputs: [{ shape: [4] }],
    run: (x) => tf.mul(x!, tf.range(1, 9, 2)),
    gradients: [0],
  },
  { kernel: 'Fill', inputs: [{ shape: [2, 3] }], run: (x) => tf.add(x!, tf.fill([2, 3], 1.5)), gradients: [0] },
]
