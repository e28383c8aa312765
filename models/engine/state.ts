import { Fault } from '../spec/fault.ts'
import type { SessionOptions } from './device.ts'
import { sizeOf } from './kernels/kernel.ts'
import type { Program, TensorSpec, TypedArray } from './program.ts'

export const emptyLike = ({ shape, dtype }: TensorSpec): TypedArray => {
  const size = sizeOf(shape)
  return dtype === 'float32' ? new Float32Array(size) : dtype === 'bool' ? new Uint8Array(size) : new Int32Array(size)
}

/** A value of its own for every state tensor, in the program's order: the one given, or zeros. Fault `ENGINE_STATE_MISMATCH`. */
export const initialState = (program: Program, given: SessionOptions['state'] = {}): TypedArray[] =>
  program.state.map(({ name, from }) => {
    const data = emptyLike(program.values[from]!)
    const initial = given[name] ?? data
    if (initial.length !== data.length) {
      throw new Fault(
        'ENGINE_STATE_MISMATCH',
        `State "${name}" has ${data.length} entries and the value to start from ${initial.length}.`,
      )
    }
    data.set(initial)
    return data
  })
