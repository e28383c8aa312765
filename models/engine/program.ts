/** A recorded step: kernels of TensorFlow.js in order, with static shapes. Lowerings turn it into a native graph. */

export type DType = 'float32' | 'int32' | 'bool'
export type TypedArray = Float32Array | Int32Array | Uint8Array

export interface TensorSpec {
  readonly shape: readonly number[]
  readonly dtype: DType
}

export type ValueId = number
export type Attribute = number | string | boolean | readonly number[] | readonly (readonly number[])[]

export interface ProgramNode {
  /** Kernel name as in TensorFlow.js (`BatchMatMul`, `Softmax`, ...). */
  readonly kernel: string
  readonly inputs: readonly ValueId[]
  readonly outputs: readonly ValueId[]
  readonly attributes: Readonly<Record<string, Attribute>>
  /** The model line that called it, for messages. */
  readonly line: string
}

export interface NamedValue {
  readonly name: string
  readonly value: ValueId
}

export interface Program {
  /** By value id. */
  readonly values: readonly TensorSpec[]
  readonly nodes: readonly ProgramNode[]
  readonly constants: ReadonlyMap<ValueId, TypedArray>
  /** Fed at each run. */
  readonly inputs: readonly NamedValue[]
  /** Read at each run. */
  readonly outputs: readonly NamedValue[]
  /** Kept between runs: read from `from`, and replaced by `to` after the run. */
  readonly state: readonly { readonly name: string; readonly from: ValueId; readonly to: ValueId }[]
}
