import { type Kernel, type KernelTable, one, positiveAxes, positiveAxis } from './kernel.ts'

const reduction = (axisName: string): Kernel => ({
  inputs: ['x'],
  infer: ([x], attributes) => {
    const axes = positiveAxes(attributes[axisName], x!.shape.length)
    const keep = attributes.keepDims === true
    const shape = keep
      ? x!.shape.map((extent, i) => (axes.includes(i) ? 1 : extent))
      : x!.shape.filter((_, i) => !axes.includes(i))
    return one(shape, x!.dtype, { axes, keepDims: keep })
  },
})

const alongAxis = (input: string, name: string): Kernel => ({
  inputs: [input],
  infer: ([x], attributes) =>
    one(x!.shape, x!.dtype, { axis: positiveAxis(Number(attributes[name] ?? -1), x!.shape.length) }),
})

/** Kernels that look along axes. */
export const reductions: KernelTable = {
  Max: reduction('reductionIndices'),
  Mean: reduction('axis'),
  Min: reduction('axis'),
  Prod: reduction('axis'),
  Sum: reduction('axis'),
  Softmax: alongAxis('logits', 'dim'),
  Cumsum: {
    inputs: ['x'],
    infer: ([x], { axis, exclusive, reverse }) =>
      one(x!.shape, x!.dtype, {
        axis: positiveAxis(Number(axis ?? 0), x!.shape.length),
        exclusive: exclusive === true,
        reverse: reverse === true,
      }),
  },
}
