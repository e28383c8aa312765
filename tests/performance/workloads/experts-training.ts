import * as tf from '@tensorflow/tfjs-core'
import { createOptimizer } from '../../../models/engine/optimizers.ts'
import type { TensorSpec } from '../../../models/engine/program.ts'
import type { Step } from '../../../models/engine/record.ts'
import { type LogitsOf, layout, logitsOf, lossOf, sizes } from './experts-model.ts'

const optimizer = createOptimizer(layout.size, { optimizer: { kind: 'adam' } })
const rate = 1e-3

export const trainingState: Readonly<Record<string, TensorSpec>> = {
  weights: { shape: [layout.size], dtype: 'float32' },
  ...optimizer.state,
}

/** Forward, backward and Adam, for the recorder and for TensorFlow.js itself. */
export function trainOnce(
  inputs: Readonly<Record<string, tf.Tensor>>,
  state: Readonly<Record<string, tf.Tensor>>,
  logits: LogitsOf = logitsOf,
): { readonly loss: tf.Tensor; readonly state: Record<string, tf.Tensor> } {
  const parameters = layout.slices(state.weights as tf.Tensor1D)
  const names = Object.keys(parameters)
  const lossAt = (...tensors: tf.Tensor[]) =>
    lossOf(logits(Object.fromEntries(names.map((name, i) => [name, tensors[i]!])), inputs.features!), inputs.labels!)
  const { value, grads } = tf.valueAndGrads(lossAt)(Object.values(parameters))
  const gradient = tf.concat1d(grads.map((each) => tf.reshape(each, [-1]) as tf.Tensor1D))
  const next = optimizer.update(state.weights!, gradient, rate, state)
  return { loss: value, state: { ...next.state, weights: next.weights } }
}

export const trainingStep = (rows: number): Step => ({
  inputs: {
    features: { shape: [rows, sizes.inputs], dtype: 'float32' },
    labels: { shape: [rows, sizes.tasks], dtype: 'float32' },
  },
  state: trainingState,
  run(inputs, before) {
    const { loss, state } = trainOnce(inputs, before)
    return { outputs: { loss }, state }
  },
})
