import * as tf from '@tensorflow/tfjs-core'
import { constant, layoutParameters, type ParameterLayout, zeros } from '../../../models/engine/parameters.ts'
import { createRandom } from '../../../models/engine/random.ts'
import { silu } from '../../../models/layers/activations.ts'
import type { Draws } from './draws.ts'

/**
 * The model that the peers run too (`../peers/experts_model.py`), as a user of the engine would write it: rows [B, 512];
 * 6 experts Linear 512 -> 256, SiLU, Linear 256 -> 128, SiLU, LayerNorm; per task a softmax gate over the experts and a
 * tower Linear 128 -> 64, SiLU, Linear 64 -> 1 on the gate's mixture. What is parallel is stacked on a leading axis.
 */
export const sizes = { inputs: 512, hidden: 256, outputs: 128, experts: 6, tasks: 6, tower: 64 } as const

const { inputs, hidden, outputs, experts, tasks, tower } = sizes
const dense = (name: string, shape: readonly number[], initialize = zeros) => ({
  name,
  shape,
  group: 'dense',
  initialize,
})

export const layout: ParameterLayout = layoutParameters([
  dense('first.weight', [experts, inputs, hidden]),
  dense('first.bias', [experts, 1, hidden]),
  dense('second.weight', [experts, hidden, outputs]),
  dense('second.bias', [experts, 1, outputs]),
  dense('norm.gain', [experts, 1, outputs], constant(1)),
  dense('norm.shift', [experts, 1, outputs]),
  dense('gate.weight', [inputs, tasks * experts]),
  dense('tower.weight', [tasks, outputs, tower]),
  dense('tower.bias', [tasks, 1, tower]),
  dense('head.weight', [tasks, tower, 1]),
  dense('head.bias', [tasks, 1, 1]),
])

/** The flat parameters, drawn in the peers' order: each expert's two layers, each gate, each tower's two layers. */
export function drawParameters(draws: Draws): Float32Array {
  const flat = layout.initialize(createRandom(0))
  const place = (name: string, index: number, values: Float32Array) => {
    const { offset } = layout.parameters.find((parameter) => parameter.name === name)!
    flat.set(values, offset + index * values.length)
  }
  for (let expert = 0; expert < experts; expert++) {
    place('first.weight', expert, draws.weight(inputs, hidden))
    place('second.weight', expert, draws.weight(hidden, outputs))
  }
  const gates = Array.from({ length: tasks }, () => draws.weight(inputs, experts))
  for (let input = 0; input < inputs; input++) {
    gates.forEach((gate, task) => {
      place('gate.weight', input * tasks + task, gate.subarray(input * experts, (input + 1) * experts))
    })
  }
  for (let task = 0; task < tasks; task++) {
    place('tower.weight', task, draws.weight(outputs, tower))
    place('head.weight', task, draws.weight(tower, 1))
  }
  return flat
}

export interface Batch {
  /** [rows, 512] */
  readonly features: Float32Array
  /** [rows, 6]: whether the first six features are above 0. */
  readonly labels: Float32Array
}

export function drawBatch(draws: Draws, rows: number): Batch {
  const features = draws.centred(rows * inputs)
  const labels = Float32Array.from({ length: rows * tasks }, (_, i) =>
    features[Math.floor(i / tasks) * inputs + (i % tasks)]! > 0 ? 1 : 0,
  )
  return { features, labels }
}

export function layerNorm(x: tf.Tensor, gain: tf.Tensor, shift: tf.Tensor): tf.Tensor3D {
  const centre = tf.sub(x, tf.mean(x, -1, true))
  const variance = tf.mean(tf.square(centre), -1, true)
  return tf.add(tf.mul(tf.mul(centre, tf.rsqrt(tf.add(variance, 1e-5))), gain), shift)
}

/** [rows, 512] -> logits [tasks, rows]. */
export type LogitsOf = (weights: Readonly<Record<string, tf.Tensor>>, rows: tf.Tensor) => tf.Tensor2D

/** With all experts, and all towers, in one batched matmul each. */
export const logitsOf: LogitsOf = (weights, rows) => {
  const linear = (x: tf.Tensor, layer: string) =>
    tf.add(tf.matMul(x, weights[`${layer}.weight`]!), weights[`${layer}.bias`]!)
  const first = silu(linear(tf.expandDims(rows, 0), 'first')) // [E, B, 256]
  const second = silu(linear(first, 'second')) // [E, B, 128]
  const expert = layerNorm(second, weights['norm.gain']!, weights['norm.shift']!)
  const gates = tf.softmax(tf.reshape(tf.matMul(rows, weights['gate.weight']!), [-1, tasks, experts])) // [B, T, E]
  const mixtures = tf.transpose(tf.matMul(gates, tf.transpose(expert, [1, 0, 2])), [1, 0, 2]) // [T, B, 128]
  return tf.squeeze(linear(silu(linear(mixtures, 'tower')), 'head'), [2])
}

/** Cross-entropy: the sum over tasks of the mean over rows. */
export function lossOf(logits: tf.Tensor2D, labels: tf.Tensor): tf.Scalar {
  const losses = tf.sub(tf.softplus(logits), tf.mul(logits, tf.transpose(labels)))
  return tf.div(tf.sum(losses), logits.shape[1])
}
