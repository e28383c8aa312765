import { Fault } from '../spec/fault.ts'
import { sizeOf } from './kernels/kernel.ts'
import type { Program, TypedArray } from './program.ts'

const arrayOf = { float32: Float32Array, int32: Int32Array, bool: Uint8Array }

/** Fault `ENGINE_FEED_MISMATCH` names the input that is missing, or has another type or length. */
export function checkFeeds({ inputs, values }: Program, feeds: Readonly<Record<string, TypedArray>>): void {
  for (const { name, value } of inputs) {
    const { shape, dtype } = values[value]!
    const data = feeds[name]
    if (data instanceof arrayOf[dtype] && data.length === sizeOf(shape)) continue
    const given = data === undefined ? 'nothing' : `a ${data.constructor.name} of ${data.length}`
    throw new Fault(
      'ENGINE_FEED_MISMATCH',
      `Input "${name}" is ${dtype} [${shape}]: it takes a ${arrayOf[dtype].name} of ${sizeOf(shape)}, and was fed ${given}.`,
    )
  }
}
