import '@tensorflow/tfjs-backend-cpu'
import * as tf from '@tensorflow/tfjs-core'
import { registerGradients } from '../../../../models/engine/gradients/register.ts'
import type { Program, TypedArray } from '../../../../models/engine/program.ts'
import { record } from '../../../../models/engine/record.ts'
import { drawInputs, type KernelCase, type Result, specOf } from './case.ts'

type Named<T> = Readonly<Record<string, T>>

/** Weights of entries in a sum, so that no two entries count alike. */
export const weight = (output: number, entry: number): number => Math.cos(1 + output + 0.7 * entry)

/** Outputs of a case, and gradients of their weighted sum: `output0`, `output1`, ..., `gradient0`, ... */
export function results({ run, gradients = [] }: KernelCase, inputs: readonly tf.Tensor[]): Named<tf.Tensor> {
  const outputs = [run(...inputs)].flat().map((output, i) => [`output${i}`, output] as const)
  if (gradients.length === 0) return Object.fromEntries(outputs)
  const weighted = (...chosen: tf.Tensor[]) => {
    const whole = inputs.map((input, i) => chosen[gradients.indexOf(i)] ?? input)
    const parts = [run(...whole)].flat().map((output, i) => {
      const weights = Float32Array.from({ length: output.size }, (_, j) => weight(i, j))
      return tf.sum(tf.mul(output, tf.tensor(weights, output.shape)))
    })
    return tf.addN(parts) as tf.Scalar
  }
  const slopes = tf.grads(weighted)(gradients.map((i) => inputs[i]!))
  return Object.fromEntries([...outputs, ...slopes.map((slope, i) => [`gradient${gradients[i]}`, slope] as const)])
}

export interface Drawn {
  readonly each: KernelCase
  readonly data: readonly TypedArray[]
  readonly expected: Named<Result>
}

/** Results of a case by the oracle, the plain JavaScript backend of TensorFlow.js: the same for the same seed. */
export function computeExpected(each: KernelCase, seed: number): Drawn {
  const data = drawInputs(each, seed)
  return { each, data, expected: each.expected?.(...data) ?? onPlainBackend(each, data) }
}

export const tensorsOf = ({ inputs }: KernelCase, data: readonly TypedArray[]): tf.Tensor[] =>
  inputs.map((input, i) => tf.tensor(data[i]!, [...input.shape], specOf(input).dtype))

export function onPlainBackend(each: KernelCase, data: readonly TypedArray[]): Named<Result> {
  // A package that brings a backend of its own makes it the current one, and its gradients too.
  tf.setBackend('cpu')
  registerGradients()
  return tf.tidy(() =>
    Object.fromEntries(
      Object.entries(results(each, tensorsOf(each, data))).map(([name, tensor]) => [
        name,
        { shape: tensor.shape, dtype: tensor.dtype as Result['dtype'], values: tensor.dataSync() },
      ]),
    ),
  )
}

const keyOf = (index: number) => `case${index}`

/** One program that computes several cases: one session for all of them. */
export const recordCases = (cases: readonly KernelCase[]): Program =>
  record({
    inputs: Object.fromEntries(
      cases.flatMap(({ inputs }, index) => inputs.map((input, i) => [`${keyOf(index)}.x${i}`, specOf(input)])),
    ),
    run: (given) => ({
      outputs: Object.fromEntries(
        cases.flatMap((each, index) => {
          const inputs = each.inputs.map((_, i) => given[`${keyOf(index)}.x${i}`]!)
          return Object.entries(results(each, inputs)).map(([name, tensor]) => [`${keyOf(index)}.${name}`, tensor])
        }),
      ),
    }),
  })

/** What the program of `recordCases` is fed. */
export const feedsOf = (drawn: readonly Pick<Drawn, 'data'>[]): Record<string, TypedArray> =>
  Object.fromEntries(
    drawn.flatMap(({ data }, index) => data.map((values, i) => [`${keyOf(index)}.x${i}`, values] as const)),
  )

/** What the program of `recordCases` gave for one of the cases. */
export function resultsOf(index: number, program: Program, found: Named<TypedArray>): Named<Result> {
  const prefix = `${keyOf(index)}.`
  const own = program.outputs.filter(({ name }) => name.startsWith(prefix))
  return Object.fromEntries(
    own.map(({ name, value }) => [name.slice(prefix.length), { ...program.values[value]!, values: found[name] ?? [] }]),
  )
}
