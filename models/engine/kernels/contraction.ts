import { Fault } from '../../spec/fault.ts'
import type { DType } from '../program.ts'
import {
  broadcast,
  floats,
  type KernelTable,
  numerics,
  one,
  positiveAxis,
  requireOneType,
  requireShape,
  taking,
} from './kernel.ts'

/** Kernels that multiply matrices, and those that read or add rows by index. */
export const contractions: KernelTable = {
  BatchMatMul: taking(floats, {
    inputs: ['a', 'b'],
    infer: ([a, b], attributes) => {
      requireOneType([a!, b!])
      for (const { shape } of [a!, b!]) requireShape(shape.length >= 2, `[${shape}] is no matrix.`)
      const [transposeA, transposeB] = [attributes.transposeA === true, attributes.transposeB === true]
      const [rowsA, columnsA] = transposeA ? [a!.shape.at(-1)!, a!.shape.at(-2)!] : [a!.shape.at(-2)!, a!.shape.at(-1)!]
      const [rowsB, columnsB] = transposeB ? [b!.shape.at(-1)!, b!.shape.at(-2)!] : [b!.shape.at(-2)!, b!.shape.at(-1)!]
      requireShape(
        columnsA === rowsB,
        `Matrices [${a!.shape}] and [${b!.shape}] do not multiply: ${columnsA} is not ${rowsB}.`,
      )
      const batch = broadcast(a!.shape.slice(0, -2), b!.shape.slice(0, -2))
      return one([...batch, rowsA, columnsB], a!.dtype, { transposeA, transposeB })
    },
  }),
  GatherV2: {
    inputs: ['x', 'indices'],
    infer: ([x, indices], { axis, batchDims }) => {
      if (Number(batchDims ?? 0) !== 0)
        throw new Fault('ENGINE_OP_UNSUPPORTED', 'Gather with batchDims is not recorded; reshape to a plain gather.')
      const along = positiveAxis(Number(axis ?? 0), x!.shape.length)
      const shape = [...x!.shape.slice(0, along), ...indices!.shape, ...x!.shape.slice(along + 1)]
      return one(shape, x!.dtype, { axis: along })
    },
  },
  OneHot: {
    inputs: ['indices'],
    infer: ([indices], { depth, onValue, offValue, dtype }) =>
      one([...indices!.shape, Number(depth)], (dtype as DType | undefined) ?? 'float32', {
        on: Number(onValue ?? 1),
        off: Number(offValue ?? 0),
      }),
  },
  /** Rows of x [n, ...] added up by segmentIds [n]. Ids MUST lie in [0, numSegments). */
  UnsortedSegmentSum: taking(numerics, {
    inputs: ['x', 'segmentIds'],
    infer: ([x, ids], { numSegments }) => {
      requireShape(ids!.shape.length === 1, `Segment ids have shape [${ids!.shape}]; give them one axis.`)
      requireShape(ids!.shape[0] === x!.shape[0], `There are ${ids!.shape[0]} segment ids for x [${x!.shape}].`)
      return one([Number(numSegments), ...x!.shape.slice(1)], x!.dtype)
    },
  }),
}
