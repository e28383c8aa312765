import * as tf from '@tensorflow/tfjs-core'
import { sizeOf } from './kernels/kernel.ts'
import type { Random } from './random.ts'

export interface ParameterSpec {
  readonly name: string
  readonly shape: readonly number[]
  /** Parameters of one group lie side by side, and may have an optimizer setting of their own. */
  readonly group: string
  readonly initialize: Initializer
}

/** Fills the values of one parameter. */
export type Initializer = (values: Float32Array, random: Random) => void

export const zeros: Initializer = () => {}
export const constant =
  (value: number): Initializer =>
  (values) =>
    void values.fill(value)
/** Uniform in [-bound, bound). */
export const uniformWithin =
  (bound: number): Initializer =>
  (values, random) => {
    for (let i = 0; i < values.length; i++) values[i] = (random.uniform() * 2 - 1) * bound
  }

export interface PlacedParameter {
  readonly name: string
  readonly shape: readonly number[]
  readonly offset: number
  readonly size: number
}

/** All dense parameters as views into one flat vector: checkpoints, deltas, averages and clipping are then one line each. */
export interface ParameterLayout {
  readonly size: number
  readonly parameters: readonly PlacedParameter[]
  /** By group: [offset, offset + size) of the flat vector. */
  readonly groups: Readonly<Record<string, { readonly offset: number; readonly size: number }>>
  initialize(random: Random): Float32Array
  /** Inside a step: each parameter in its shape, by name. */
  slices(flat: tf.Tensor1D): Record<string, tf.Tensor>
}

export function layoutParameters(specs: readonly ParameterSpec[]): ParameterLayout {
  const groupNames = [...new Set(specs.map(({ group }) => group))]
  const ordered = groupNames.flatMap((group) => specs.filter((spec) => spec.group === group))
  let size = 0
  const parameters = ordered.map(({ name, shape }) => {
    const placed = { name, shape, offset: size, size: sizeOf(shape) }
    size += placed.size
    return placed
  })
  const groups = Object.fromEntries(
    groupNames.map((group) => {
      const members = parameters.filter((_, i) => ordered[i]!.group === group)
      return [group, { offset: members[0]!.offset, size: members.reduce((sum, member) => sum + member.size, 0) }]
    }),
  )
  return {
    size,
    parameters,
    groups,
    initialize(random) {
      const flat = new Float32Array(size)
      parameters.forEach(({ name, offset, size: length }, i) => {
        ordered[i]!.initialize(flat.subarray(offset, offset + length), random.fork(name))
      })
      return flat
    },
    slices: (flat) =>
      Object.fromEntries(
        parameters.map(({ name, shape, offset, size: length }) => [
          name,
          tf.reshape(tf.slice1d(flat, offset, length), [...shape]),
        ]),
      ),
  }
}
