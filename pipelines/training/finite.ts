import type { Network } from '../../models/architectures/network.ts'
import type { TypedArray } from '../../models/engine/program.ts'
import { Fault } from '../../models/spec/fault.ts'

export type NamedValues = readonly (readonly [name: string, values: ArrayLike<number>])[]

/** The first of these that has a value which is not finite. */
export const firstBroken = (tensors: NamedValues): string | null =>
  tensors.find(([, values]) => !areFinite(values))?.[0] ?? null

function areFinite(values: ArrayLike<number>): boolean {
  // What is finite is zero times zero; a sum is faster than a look at each.
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += values[i]! * 0
  return sum === 0
}

/** The dense state, its flat vectors cut into parameters: `weights of expert.weight`, `average of expert.weight`, ... */
export const denseTensors = ({ parameters }: Network, dense: Readonly<Record<string, TypedArray>>): NamedValues =>
  Object.entries(dense).flatMap(([name, values]) =>
    values.length !== parameters.size
      ? [[name, values] as const]
      : parameters.parameters.map(
          ({ name: parameter, offset, size }) =>
            [`${name} of ${parameter}`, values.subarray(offset, offset + size)] as const,
        ),
  )

export interface Broken {
  /** Null where all losses are finite. */
  readonly task: string | null
  /** Its loss. */
  readonly loss?: number
  /** What was found not to be finite first, in the order of a step: fed, gradients, weights. */
  readonly tensor: string
  /** Steps made, that one included. */
  readonly step: number
}

/** Fault `TRAINING_NOT_FINITE`; `lastGood` says where the last good state is, where one was kept. */
export function notFinite({ task, loss, tensor, step }: Broken, lastGood: string | null): Fault {
  const what = task === null ? `"${tensor}" is not finite` : `The loss of task "${task}" is ${loss}`
  const first = task === null ? '' : `; first non-finite: ${tensor}`
  const label = task === null ? 'the labels' : 'its label'
  const kept = lastGood === null ? '' : ` The last good state, of ${lastGood}.`
  return new Fault(
    'TRAINING_NOT_FINITE',
    `${what} after step ${step}${first}. Lower the training rates, or limit ${label} ("most") where feedback has extreme values.${kept}`,
    { details: { task, tensor, step } },
  )
}
