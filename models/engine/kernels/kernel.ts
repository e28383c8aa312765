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
  infer(inputs: readonly TensorSpec[], attributes: RawAttributes): Inferred
}

export type KernelTable = Readonly<Record<string, Kernel>>

export const one = (
  shape: readonly number[],
  dtype: DType,
  attributes: Readonly<Record<string, Attribute>> = {},
): Inferred => ({ outputs: [{ shape, dtype }], attributes })

export const sizeOf = (shape: readonly number[]): number => shape.reduce((product, extent) => product * extent, 1)

/** Rows, columns, ... counted from the front. */
export const positiveAxis = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis)

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
export const positiveAxes = (axis: unknown, rank: number): readonly number[] =>
  axis === null || axis === undefined
    ? Array.from({ length: rank }, (_, each) => each)
    : numbers(axis)
        .map((each) => positiveAxis(each, rank))
        .sort((a, b) => a - b)

export const numbers = (value: unknown): number[] => (typeof value === 'number' ? [value] : [...(value as number[])])
