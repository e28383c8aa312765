import { type Kernel, type KernelTable, numbers, one, positiveAxis } from './kernel.ts'

const reduction: Kernel = {
  inputs: ['x'],
  infer: ([x], { axis, keepDims }) => {
    const rank = x!.shape.length
    const every = axis === null || axis === undefined
    const axes = (every ? x!.shape.map((_, i) => i) : numbers(axis).map((each) => positiveAxis(each, rank))).sort(
      (a, b) => a - b,
    )
    const keep = keepDims === true
    const shape = keep
      ? x!.shape.map((extent, i) => (axes.includes(i) ? 1 : extent))
      : x!.shape.filter((_, i) => !axes.includes(i))
    return one(shape, x!.dtype, { axes, keepDims: keep })
  },
}

const alongAxis = (input: string, name: string): Kernel => ({
  inputs: [input],
  infer: ([x], attributes) =>
    one(x!.shape, x!.dtype, { axis: positiveAxis(Number(attributes[name] ?? -1), x!.shape.length) }),
})

/** Kernels that look along axes. */
export const reductions: KernelTable = {
  Max: reduction,
  Mean: reduction,
  Min: reduction,
  Prod: reduction,
  Sum: reduction,
  Softmax: alongAxis('logits', 'dim'),
  LogSoftmax: alongAxis('logits', 'axis'),
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
