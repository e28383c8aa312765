import * as tf from '@tensorflow/tfjs-core'
import type { DropoutMasks, Weights } from '../architectures/architecture.ts'
import { type ParameterSpec, uniformWithin } from '../engine/parameters.ts'

/** Zero where the mask is, scaled up elsewhere; the tensor itself when scoring. */
export const dropout = <T extends tf.Tensor>(x: T, masks: DropoutMasks, layer: string): T =>
  masks === null ? x : (tf.mul(x, tf.reshape(masks[layer]!, x.shape)) as T)

const bound = (fanIn: number) => uniformWithin(fanIn ** -0.5)

/** One tower a task: Linear(inputs, hidden) - ReLU - dropout - dot with `hidden` weights. */
export const towerParameters = (tasks: number, inputs: number, hidden: number): readonly ParameterSpec[] => [
  { name: 'tower.weight', shape: [tasks, inputs, hidden], group: 'dense', initialize: bound(inputs) },
  { name: 'tower.bias', shape: [tasks, 1, hidden], group: 'dense', initialize: bound(inputs) },
  { name: 'head.weight', shape: [tasks, hidden, 1], group: 'dense', initialize: bound(hidden) },
]

/**
 * Mixtures [tasks, rows, inputs] -> logits [rows, tasks]. The mask of layer `tower` is [rows, tasks * hidden]; its entries
 * are alike, so they are taken as they lie, task by task.
 */
export function towers(weights: Weights, mixtures: tf.Tensor3D, masks: DropoutMasks): tf.Tensor2D {
  const [tasks, rows] = mixtures.shape
  const hidden = tf.relu(tf.add(tf.matMul(mixtures, weights['tower.weight'] as tf.Tensor3D), weights['tower.bias']!)) // [T, B, H]
  const logits = tf.matMul(dropout(hidden, masks, 'tower'), weights['head.weight'] as tf.Tensor3D) // [T, B, 1]
  return tf.transpose(tf.reshape(logits, [tasks, rows])) as tf.Tensor2D
}
