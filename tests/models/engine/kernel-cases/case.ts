import type * as tf from '@tensorflow/tfjs-core'
import { sizeOf } from '../../../../models/engine/kernels/kernel.ts'
import type { DType, TensorSpec, TypedArray } from '../../../../models/engine/program.ts'
import { createRandom } from '../../../../models/engine/random.ts'

export type Shape = readonly number[]

/** `around zero` (float32): about 0, none within 0.1 of it. `positive` (float32): 0.2 to 3. `whole` (int32): -5 to 5. */
export type Draw = 'around zero' | 'positive' | 'whole' | 'counts' | 'ids' | 'flags'

/** One input: its shape, and its entries or what they are drawn from. */
export interface CaseInput {
  readonly shape: Shape
  readonly dtype?: DType
  /** `counts` (int32): 1 to 4. `ids` (int32): from 0 below `below`. `flags` (bool): 0 or 1. */
  readonly draw?: Draw
  readonly below?: number
  readonly values?: readonly number[]
}

export interface Result extends TensorSpec {
  readonly values: ArrayLike<number>
}

export interface KernelCase {
  /** The kernel that the case is there for. */
  readonly kernel: string
  readonly inputs: readonly CaseInput[]
  readonly run: (...inputs: tf.Tensor[]) => tf.Tensor | tf.Tensor[]
  /** Inputs whose gradient is compared too, by position. */
  readonly gradients?: readonly number[]
  /** At a kink, or where the slope is defined to be another: finite differences say nothing of its gradients. */
  readonly isKink?: boolean
  /** All results, where the oracle is wrong: `output0`, ..., `gradient0`, ... */
  readonly expected?: (...inputs: TypedArray[]) => Readonly<Record<string, Result>>
}

export const specOf = ({ shape, dtype = 'float32' }: CaseInput): TensorSpec => ({ shape, dtype })

const drawing: Readonly<Record<Draw, (uniform: () => number, below: number) => number>> = {
  // Away from 0, where abs, relu and the like have no slope.
  'around zero': (uniform) => (0.1 + 1.9 * uniform()) * (uniform() < 0.5 ? -1 : 1),
  positive: (uniform) => 0.2 + 2.8 * uniform(),
  whole: (uniform) => Math.floor(uniform() * 11) - 5,
  counts: (uniform) => 1 + Math.floor(uniform() * 4),
  ids: (uniform, below) => Math.floor(uniform() * below),
  flags: (uniform) => Math.floor(uniform() * 2),
}
const usualDraw = { float32: 'around zero', int32: 'whole', bool: 'flags' } as const

const typed = (entries: readonly number[], dtype: DType): TypedArray =>
  dtype === 'float32'
    ? Float32Array.from(entries)
    : dtype === 'int32'
      ? Int32Array.from(entries)
      : Uint8Array.from(entries)

/** The entries of a case's inputs: the same for the same seed. */
export function drawInputs({ inputs }: Pick<KernelCase, 'inputs'>, seed: number): TypedArray[] {
  const { uniform } = createRandom(seed)
  return inputs.map(({ shape, dtype = 'float32', draw = usualDraw[dtype], below = 1, values }) =>
    typed(values ?? Array.from({ length: sizeOf(shape) }, () => drawing[draw](uniform, below)), dtype),
  )
}

export const result = (shape: Shape, values: readonly number[], dtype: DType = 'float32'): Result => ({
  shape,
  dtype,
  values: typed(values, dtype),
})
