import { Fault } from '../../spec/fault.ts'
import type { Attribute, DType, TensorSpec } from '../program.ts'

/** Attributes as a TensorFlow.js op passes them; anything a rule needs from it is read by name and normalised. */
export type RawAttributes = Readonly<Record<string, unknown>>

export interface Inferred {
  readonly outputs: readonly TensorSpec[]
  /** Normalised: axes not negative, shapes whole. A lowering must read every one of them. */
  readonly attributes: Readonly<Record<string, Attribute>>
}

/** One kernel that the engine records: its inputs' names in order (`list`: any number), and how its outputs follow. */
export interface Kernel {
  readonly inputs: readonly string[] | 'list'
  /** Types that it computes in; all of them where left out. */
  readonly types?: readonly DType[]
  infer(inputs: readonly TensorSpec[], attributes: RawAttributes): Inferred
}

export type KernelTable = Readonly<Record<string, Kernel>>

const refusing = (code: 'ENGINE_SHAPE_MISMATCH' | 'ENGINE_TYPE_UNSUPPORTED') => (holds: boolean, message: string) => {
  if (!holds) throw new Fault(code, message)
}
export const requireShape: (holds: boolean, message: string) => void = refusing('ENGINE_SHAPE_MISMATCH')
export const requireType: (holds: boolean, message: string) => void = refusing('ENGINE_TYPE_UNSUPPORTED')

export const floats: readonly DType[] = ['float32']
export const numerics: readonly DType[] = ['float32', 'int32']

/**
 * The kernel for these types of its first input alone. The others TensorFlow.js refuses, or computes what depends on the
 * backend (a `bool` of 2, an exponential rounded to a whole number).
 */
export const taking = (types: readonly DType[], kernel: Kernel): Kernel => ({
  ...kernel,
  types,
  infer: (inputs, attributes) => {
    const { dtype } = inputs[0]!
    requireType(types.includes(dtype), `it takes ${types.join(' or ')}, not ${dtype}; cast it first.`)
    return kernel.infer(inputs, attributes)
  },
})

/** Inputs that become one output have one type. */
export function requireOneType(inputs: readonly TensorSpec[]): void {
  const other = inputs.find(({ dtype }) => dtype !== inputs[0]!.dtype)
  requireType(other === undefined, `its inputs are ${inputs[0]?.dtype} and ${other?.dtype}; cast them to one type.`)
}

export function one(
  shape: readonly number[],
  dtype: DType,
  attributes: Readonly<Record<string, Attribute>> = {},
): Inferred {
  const isWhole = shape.every((extent) => Number.isInteger(extent) && extent >= 0)
  requireShape(isWhole, `its output would have shape [${shape}].`)
  return { outputs: [{ shape, dtype }], attributes }
}

export const sizeOf = (shape: readonly number[]): number => shape.reduce((product, extent) => product * extent, 1)

/** Rows, columns, ... counted from the front. */
export function positiveAxis(axis: number, rank: number): number {
  const along = axis < 0 ? axis + rank : axis
  requireShape(Number.isInteger(along) && along >= 0 && along < rank, `There is no axis ${axis} among ${rank} axes.`)
  return along
}

/** NumPy's broadcasting. */
export function broadcast(a: readonly number[], b: readonly number[]): readonly number[] {
  const rank = Math.max(a.length, b.length)
  return Array.from({ length: rank }, (_, i) => {
    const [x, y] = [a[a.length - rank + i] ?? 1, b[b.length - rank + i] ?? 1]
    if (x !== y && x !== 1 && y !== 1) {
      throw new Fault(
        'ENGINE_SHAPE_MISMATCH',
        `Shapes [${a}] and [${b}] do not broadcast; make the extents equal or 1.`,
      )
    }
    return x === 1 ? y : x
  })
}

/** Axes counted from the front, in order; all of them where none is given. */
export function positiveAxes(axis: unknown, rank: number): readonly number[] {
  if (axis === null || axis === undefined) return Array.from({ length: rank }, (_, each) => each)
  const axes = numbers(axis).map((each) => positiveAxis(each, rank))
  requireShape(new Set(axes).size === axes.length, `The axes ${numbers(axis)} name one of ${rank} axes twice.`)
  return axes.sort((a, b) => a - b)
}

export const numbers = (value: unknown): number[] => (typeof value === 'number' ? [value] : [...(value as number[])])
