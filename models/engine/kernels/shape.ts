import { slice_util, util } from '@tensorflow/tfjs-core'
import type { DType } from '../program.ts'
import {
  type Kernel,
  type KernelTable,
  numbers,
  numerics,
  one,
  positiveAxis,
  requireOneType,
  requireShape,
  requireType,
  sizeOf,
} from './kernel.ts'

const spliced = (shape: readonly number[], at: number, remove: number, ...insert: readonly number[]) => {
  const copy = [...shape]
  copy.splice(at, remove, ...insert)
  return copy
}

const sizeSum = (sizes: readonly number[]): number => sizes.reduce((sum, size) => sum + size, 0)

const Reshape: Kernel = {
  inputs: ['x'],
  infer: ([x], { shape }) => {
    const whole = util.inferFromImplicitShape(numbers(shape), sizeOf(x!.shape))
    requireShape(sizeOf(whole) === sizeOf(x!.shape), `[${x!.shape}] has not as many entries as [${whole}].`)
    return one(whole, x!.dtype, { shape: whole })
  },
}

const ExpandDims: Kernel = {
  inputs: ['input'],
  infer: ([x], { dim }) => {
    const at = Number(dim) < 0 ? Number(dim) + x!.shape.length + 1 : Number(dim)
    const shape = spliced(x!.shape, at, 0, 1)
    return one(shape, x!.dtype, { shape })
  },
}

const Concat: Kernel = {
  inputs: 'list',
  infer: (inputs, { axis }) => {
    const first = inputs[0]!
    const along = positiveAxis(Number(axis), first.shape.length)
    requireOneType(inputs)
    for (const { shape } of inputs) {
      const isAlike = spliced(shape, along, 1, 1).join() === spliced(first.shape, along, 1, 1).join()
      requireShape(isAlike, `[${first.shape}] and [${shape}] differ in more than axis ${along}.`)
    }
    const extent = inputs.reduce((sum, { shape }) => sum + shape[along]!, 0)
    return one(spliced(first.shape, along, 1, extent), first.dtype, { axis: along })
  },
}

const Pack: Kernel = {
  inputs: 'list',
  infer: (inputs, { axis }) => {
    const first = inputs[0]!
    const along = positiveAxis(Number(axis), first.shape.length + 1)
    requireOneType(inputs)
    for (const { shape } of inputs)
      requireShape(shape.join() === first.shape.join(), `it stacks shapes [${first.shape}] and [${shape}].`)
    return one(spliced(first.shape, along, 0, inputs.length), first.dtype, { axis: along })
  },
}

const Unpack: Kernel = {
  inputs: ['value'],
  infer: ([x], { axis }) => {
    const along = positiveAxis(Number(axis), x!.shape.length)
    const shape = spliced(x!.shape, along, 1)
    return {
      outputs: Array.from({ length: x!.shape[along]! }, () => ({ shape, dtype: x!.dtype })),
      attributes: { axis: along },
    }
  },
}

const SplitV: Kernel = {
  inputs: ['x'],
  infer: ([x], { numOrSizeSplits, axis }) => {
    const along = positiveAxis(Number(axis ?? 0), x!.shape.length)
    const extent = x!.shape[along]!
    const given = typeof numOrSizeSplits === 'number' ? undefined : numbers(numOrSizeSplits)
    const known = sizeSum((given ?? []).map((size) => Math.max(size, 0)))
    const sizes =
      given?.map((size) => (size === -1 ? extent - known : size)) ??
      Array.from({ length: Number(numOrSizeSplits) }, () => extent / Number(numOrSizeSplits))
    const isExact = sizes.every((size) => Number.isInteger(size) && size >= 0) && sizeSum(sizes) === extent
    requireShape(isExact, `axis ${along} of [${x!.shape}] does not split into ${sizes}.`)
    return {
      outputs: sizes.map((size) => ({ shape: spliced(x!.shape, along, 1, size), dtype: x!.dtype })),
      attributes: { axis: along, sizes },
    }
  },
}

const Slice: Kernel = {
  inputs: ['x'],
  infer: ([x], attributes) => {
    const full = { shape: [...x!.shape] } as Parameters<typeof slice_util.parseSliceParams>[0]
    const [begin, size] = slice_util.parseSliceParams(full, numbers(attributes.begin), numbers(attributes.size))
    const end = begin.map((each, i) => each + size[i]!)
    const isInside = begin.every((each, i) => each >= 0 && end[i]! <= x!.shape[i]!)
    requireShape(isInside, `[${begin}] to [${end}] is not inside [${x!.shape}].`)
    return one(size, x!.dtype, { begin, end })
  },
}

const PadV2: Kernel = {
  inputs: ['x'],
  infer: ([x], { paddings, constantValue }) => {
    const pairs = paddings as readonly (readonly [number, number])[]
    requireShape(
      pairs.flat().every((pad) => pad >= 0),
      `it pads by [${pairs.join('], [')}]; slice to make less.`,
    )
    const shape = x!.shape.map((extent, i) => extent + pairs[i]![0] + pairs[i]![1])
    return one(shape, x!.dtype, {
      before: pairs.map(([before]) => before),
      after: pairs.map(([, after]) => after),
      constantValue: Number(constantValue ?? 0),
    })
  },
}

const Fill: Kernel = {
  inputs: [],
  infer: (_, { shape, value, dtype }) => {
    const kind = (dtype as DType | undefined) ?? 'float32'
    return one(numbers(shape), kind, { shape: numbers(shape), value: Number(value) })
  },
}

const Range: Kernel = {
  inputs: [],
  types: numerics,
  infer: (_, { start, stop, step, dtype }) => {
    const kind = (dtype as DType | undefined) ?? 'float32'
    const from = Number(start)
    // Downwards TensorFlow.js takes a step of 1 for one of -1.
    const by = Number(step ?? 1) === 1 && Number(stop) < from ? -1 : Number(step ?? 1)
    const isWhole = kind === 'float32' || (kind === 'int32' && Number.isInteger(from) && Number.isInteger(by))
    requireType(isWhole, `no ${kind} from ${from} in steps of ${by}; make it float32, and cast that.`)
    const length = Math.max(0, Math.ceil((Number(stop) - from) / by))
    return one([length], kind, { start: from, step: by })
  },
}

const StridedSlice: Kernel = {
  inputs: ['x'],
  infer: ([x], attributes) => {
    const mask = (name: string) => Number(attributes[name] ?? 0)
    const begin = numbers(attributes.begin)
    const strides = attributes.strides === undefined ? begin.map(() => 1) : numbers(attributes.strides)
    const info = slice_util.sliceInfo(
      [...x!.shape],
      begin,
      numbers(attributes.end),
      strides,
      mask('beginMask'),
      mask('endMask'),
      mask('ellipsisMask'),
      mask('newAxisMask'),
      mask('shrinkAxisMask'),
    )
    return one(info.finalShape, x!.dtype, { begin: info.begin, end: info.end, strides: info.strides })
  },
}

/** Kernels that move values without changing them. */
export const shapes: KernelTable = {
  Concat,
  ExpandDims,
  Fill,
  Pack,
  PadV2,
  Range,
  Reshape,
  Slice,
  SplitV,
  StridedSlice,
  Unpack,
  Tile: {
    inputs: ['x'],
    infer: ([x], { reps }) => {
      const times = numbers(reps)
      return one(
        x!.shape.map((extent, i) => extent * times[i]!),
        x!.dtype,
        { reps: times },
      )
    },
  },
  Transpose: {
    inputs: ['x'],
    infer: ([x], { perm }) => {
      const order = numbers(perm)
      return one(
        order.map((from) => x!.shape[from]!),
        x!.dtype,
        { perm: order },
      )
    },
  },
}
