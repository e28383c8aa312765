import type { DType } from '../program.ts'
import { floats, type Kernel, type KernelTable, numerics, one, positiveAxes, positiveAxis, taking } from './kernel.ts'

const reduction = (axisName: string, dtype?: DType): Kernel => ({
  inputs: ['x'],
  infer: ([x], attributes) => {
    const axes = positiveAxes(attributes[axisName], x!.shape.length)
    const keep = attributes.keepDims === true
    const shape = keep
      ? x!.shape.map((extent, i) => (axes.includes(i) ? 1 : extent))
      : x!.shape.filter((_, i) => !axes.includes(i))
    return one(shape, dtype ?? x!.dtype, { axes, keepDims: keep })
  },
})

const alongAxis = (input: string, name: string): Kernel => ({
  inputs: [input],
  infer: ([x], attributes) =>
    one(x!.shape, x!.dtype, { axis: positiveAxis(Number(attributes[name] ?? -1), x!.shape.length) }),
})

/** Kernels that look along axes. */
export const reductions: KernelTable = {
  Max: taking(numerics, reduction('reductionIndices')),
  // Of whole numbers and flags too.
  Mean: reduction('axis', 'float32'),
  Min: taking(numerics, reduction('axis')),
  Prod: taking(numerics, reduction('axis')),
  Sum: taking(numerics, reduction('axis')),
  Softmax: taking(floats, alongAxis('logits', 'dim')),
  Cumsum: taking(numerics, {
    inputs: ['x'],
    infer: ([x], { axis, exclusive, reverse }) =>
      one(x!.shape, x!.dtype, {
        axis: positiveAxis(Number(axis ?? 0), x!.shape.length),
        exclusive: exclusive === true,
        reverse: reverse === true,
      }),
  }),
}
