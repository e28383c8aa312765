import { sizeOf } from '../../models/engine/kernels/kernel.ts'
import type { Program, TypedArray } from '../../models/engine/program.ts'
import { createRandom } from '../../models/engine/random.ts'

/** Numbers from 0 to below 1 for every float32 input, and whole numbers below `rows` for the others. */
export function randomFeeds({ inputs, values }: Program, rows: number): Record<string, TypedArray> {
  const random = createRandom(1)
  return Object.fromEntries(
    inputs.map(({ name, value }) => {
      const { shape, dtype } = values[value]!
      const length = sizeOf(shape)
      return [
        name,
        dtype === 'float32'
          ? Float32Array.from({ length }, () => random.uniform())
          : Int32Array.from({ length }, () => Math.floor(random.uniform() * rows)),
      ]
    }),
  )
}
