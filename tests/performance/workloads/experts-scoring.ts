import * as tf from '@tensorflow/tfjs-core'
import type { Step } from '../../../models/engine/record.ts'
import { silu } from '../../../models/layers/activations.ts'
import { type LogitsOf, layerNorm, layout, sizes } from './experts-model.ts'

const { inputs, hidden, outputs, experts, tasks } = sizes

/**
 * The model in the form that is fastest for few rows, whose time goes into reading weights: all first layers beside
 * each other in one matrix, and second layers one by one. Single matrices of fixed weights are arranged once, when a
 * graph is opened; batches of them at every run.
 */
export const besideLogitsOf: LogitsOf = (weights, rows) => {
  const of = (name: string) => weights[name]!
  const count = rows.shape[0]!
  const beside = (name: string, width: number) => tf.reshape(tf.transpose(of(name), [1, 0, 2]), [-1, experts * width])
  const first = silu(tf.add(tf.matMul(rows, beside('first.weight', hidden)), beside('first.bias', hidden)))
  const seconds = tf.unstack(of('second.weight'))
  const parts = tf.split(first, experts, 1).map((part, expert) => tf.matMul(part, seconds[expert]!))
  // Expert by expert within a row from here on: [B, E, 128].
  const alongRows = (name: string) => tf.transpose(of(name), [1, 0, 2])
  const second = silu(tf.add(tf.reshape(tf.concat(parts, 1), [count, experts, outputs]), alongRows('second.bias')))
  const expert = layerNorm(second, alongRows('norm.gain'), alongRows('norm.shift'))
  const gates = tf.softmax(tf.reshape(tf.matMul(rows, of('gate.weight')), [count, tasks, experts]))
  const mixtures = tf.transpose(tf.matMul(gates, expert), [1, 0, 2]) // [T, B, 128]
  const tower = silu(tf.add(tf.matMul(mixtures, of('tower.weight')), of('tower.bias')))
  return tf.squeeze(tf.add(tf.matMul(tower, of('head.weight')), of('head.bias')), [2])
}

/** Features of the candidates to probabilities [candidates, tasks]; the weights are part of the graph. */
export const scoringStep = (flat: Float32Array, candidates: number): Step => ({
  inputs: { features: { shape: [candidates, inputs], dtype: 'float32' } },
  run({ features }) {
    const weights = layout.slices(tf.tensor1d(flat))
    return { outputs: { scores: tf.sigmoid(tf.transpose(besideLogitsOf(weights, features!))) } }
  },
})
