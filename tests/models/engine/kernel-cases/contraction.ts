import * as tf from '@tensorflow/tfjs-core'
import { broadcast, sizeOf } from '../../../../models/engine/kernels/kernel.ts'
import type { DType } from '../../../../models/engine/program.ts'
import { type CaseInput, type KernelCase, result, type Shape } from './case.ts'

const matMul = (a: Shape, b: Shape, transposeA = false, transposeB = false): KernelCase => ({
  kernel: 'BatchMatMul',
  inputs: [{ shape: a }, { shape: b }],
  run: (x, y) => tf.matMul(x!, y!, transposeA, transposeB),
  gradients: [0, 1],
})

/** Entries of a matrix of `shape`, one of those along the axes before the last two. */
const matrixAt = (shape: Shape, batch: Shape, index: readonly number[]) => {
  const [rows, columns] = [shape.at(-2)!, shape.at(-1)!]
  const own = shape.slice(0, -2)
  const skipped = batch.length - own.length
  const at = own.reduce((place, extent, axis) => place * extent + (extent === 1 ? 0 : index[skipped + axis]!), 0)
  return (row: number, column: number) => (at * rows + row) * columns + column
}

/** By the definition, with batches broadcast both ways, which the oracle does not do. */
function matMulByHand(aShape: Shape, bShape: Shape): KernelCase {
  const batch = broadcast(aShape.slice(0, -2), bShape.slice(0, -2))
  const [rows, inner, columns] = [aShape.at(-2)!, aShape.at(-1)!, bShape.at(-1)!]
  return {
    kernel: 'BatchMatMul',
    inputs: [{ shape: aShape }, { shape: bShape }],
    run: (x, y) => tf.matMul(x!, y!),
    expected: (a, b) => {
      const found = Array.from({ length: sizeOf(batch) }, (_, flat) => {
        const index = batch.map((extent, axis) => Math.floor(flat / sizeOf(batch.slice(axis + 1))) % extent)
        const [left, right] = [matrixAt(aShape, batch, index), matrixAt(bShape, batch, index)]
        return Array.from({ length: rows * columns }, (_, cell) => {
          const [row, column] = [Math.floor(cell / columns), cell % columns]
          let sum = 0
          for (let i = 0; i < inner; i++) sum += a![left(row, i)]! * b![right(i, column)]!
          return sum
        })
      })
      return { output0: result([...batch, rows, columns], found.flat()) }
    },
  }
}

const ids = (shape: Shape, below: number): CaseInput => ({ shape, dtype: 'int32', draw: 'ids', below })

const gather = (shape: Shape, indices: Shape, axis = 0, dtype: DType = 'float32'): KernelCase => ({
  kernel: 'GatherV2',
  inputs: [{ shape, dtype }, ids(indices, shape.at(axis)!)],
  run: (x, each) => tf.gather(x!, each as tf.Tensor1D, axis),
  ...(dtype === 'float32' ? { gradients: [0] } : {}),
})

const oneHot = (shape: Shape, depth: number, on: number, off: number, dtype: DType, values?: number[]): KernelCase => ({
  kernel: 'OneHot',
  inputs: [{ ...ids(shape, depth), ...(values === undefined ? {} : { values }) }],
  run: (each) => tf.oneHot(each as tf.Tensor1D, depth, on, off, dtype),
})

const segmentSum = (shape: Shape, segments: number): KernelCase => ({
  kernel: 'UnsortedSegmentSum',
  inputs: [{ shape }, ids([shape[0]!], segments)],
  run: (x, each) => tf.unsortedSegmentSum(x!, each as tf.Tensor1D, segments),
  gradients: [0],
})

/** The oracle adds whole numbers up as float32. */
const wholeSegmentSum: KernelCase = {
  kernel: 'UnsortedSegmentSum',
  inputs: [{ shape: [20, 3], dtype: 'int32' }, ids([20], 4)],
  run: (x, each) => tf.unsortedSegmentSum(x!, each as tf.Tensor1D, 4),
  expected: (x, each) => {
    const sums = Array<number>(12).fill(0)
    for (let i = 0; i < 60; i++) sums[each![Math.floor(i / 3)]! * 3 + (i % 3)]! += x![i]!
    return { output0: result([4, 3], sums, 'int32') }
  },
}

export const contractionCases: readonly KernelCase[] = [
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
  matMul([1, 4, 3], [2, 4, 5], true),
  matMul([3, 4], [2, 4, 5]),
  matMul([4, 3], [2, 5, 4], true, true),
  matMul([2, 3, 4], [4, 5]),
  matMul([2, 2, 3, 4], [2, 2, 4, 5]),
  matMul([2, 1, 2, 4, 3], [2, 1, 2, 4, 5], true),
  matMul([1, 1], [1, 1]),
  matMul([1, 70], [70, 1]),
  matMul([33, 65], [65, 17]),
  // Nothing to add up gives 0; no rows, no columns and no matrices give none.
  ...[[], [2], [1, 2]].flatMap((batch) => [
    matMul([...batch, 2, 0], [...batch, 0, 3]),
    matMul([...batch, 0, 2], [...batch, 0, 3], true),
    matMul([...batch, 2, 0], [...batch, 3, 0], false, true),
    matMul([...batch, 0, 2], [...batch, 3, 0], true, true),
    matMul([...batch, 0, 2], [...batch, 2, 3]),
    matMul([...batch, 2, 3], [...batch, 3, 0]),
  ]),
  matMul([2, 3, 0], [0, 4]),
  matMul([3, 0], [2, 2, 0, 2]),
  matMul([1, 3, 0], [4, 0, 2]),
  matMul([1, 0, 3], [4, 0, 0], true),
  matMul([1, 0, 4], [4, 4, 3]),
  matMul([1, 1, 3, 0], [3, 4, 2, 0], false, true),
  matMul([0, 3, 2], [0, 2, 4]),
  matMulByHand([2, 1, 2, 3], [1, 3, 3, 2]),
  matMulByHand([4, 1, 2, 3], [2, 3, 2]),
  matMulByHand([3, 2, 3], [2, 1, 3, 4]),
  matMulByHand([0, 3, 2], [1, 2, 4]),

  ...([0, 1, -1] as const).map((axis) => gather([5, 4], [3], axis)),
  gather([5, 4], [2, 3]),
  gather([5, 4], []),
  gather([6], [2, 2, 2]),
  gather([3, 4, 2, 2], [2, 5], 1),
  gather([3, 4, 2, 1, 2], [6], 3),
  gather([5, 4], [0]),
  gather([5, 4], [2, 0], 1),
  gather([5, 0], [3]),
  gather([0, 4], [3], 1),
  ...(['int32', 'bool'] as const).flatMap((dtype) => [
    gather([5, 4], [2, 3], 0, dtype),
    gather([5, 4], [6], 1, dtype),
    gather([5, 4], [0], 1, dtype),
  ]),
  {
    // From a table without rows, which the oracle sums no segments of.
    ...gather([0, 4], [0]),
    expected: () => ({ output0: result([0, 4], []), gradient0: result([0, 4], []) }),
  },
  {
    // Whole numbers have no slope, also those that rows are picked by.
    kernel: 'GatherV2',
    inputs: [{ shape: [5, 4] }, { shape: [6], draw: 'positive' }],
    run: (x, each) => tf.gather(x!, tf.cast(each!, 'int32') as tf.Tensor1D),
    gradients: [0, 1],
    isKink: true,
  },

  oneHot([2, 3], 4, 2, -1, 'float32'),
  oneHot([], 3, 1, 0, 'float32'),
  oneHot([7], 5, 3, 0, 'int32'),
  oneHot([2, 1, 3], 2, 1, 0, 'bool'),
  oneHot([0], 3, 1, 0, 'float32'),
  oneHot([2, 0], 3, 1, 0, 'int32'),
  // What is no class is off.
  oneHot([5], 3, 1, 0, 'float32', [-1, 0, 2, 3, -3]),
  oneHot([5], 3, 1, 0, 'bool', [-1, 0, 2, 3, -3]),

  segmentSum([8], 3),
  segmentSum([40, 2, 3], 5),
  segmentSum([12, 2, 1, 2, 3], 4),
  segmentSum([1, 4], 1),
  segmentSum([0], 3),
  segmentSum([0, 3], 4),
  segmentSum([4, 0], 3),
  wholeSegmentSum,
  {
    ...segmentSum([0, 3], 0),
    expected: () => ({ output0: result([0, 3], []), gradient0: result([0, 3], []) }),
  },
  {
    kernel: 'UnsortedSegmentSum',
    inputs: [{ shape: [6, 2] }, { shape: [6], draw: 'positive' }],
    run: (x, each) => tf.unsortedSegmentSum(x!, tf.cast(each!, 'int32') as tf.Tensor1D, 3),
    gradients: [0, 1],
    isKink: true,
  },
]
