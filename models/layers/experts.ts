import * as tf from '@tensorflow/tfjs-core'
import type { ArchitectureSizes, DropoutMasks, Weights } from '../architectures/architecture.ts'
import { type ParameterSpec, uniformWithin, zeros } from '../engine/parameters.ts'
import { dropout } from './towers.ts'

/** All experts' only layer side by side: Linear(inputs, experts * hidden). */
export const expertParameters = (
  { inputs, fanIn }: ArchitectureSizes,
  experts: number,
  hidden: number,
): readonly ParameterSpec[] => [
  {
    name: 'expert.weight',
    shape: [inputs, experts * hidden],
    group: 'dense',
    initialize: uniformWithin(fanIn ** -0.5),
  },
  { name: 'expert.bias', shape: [experts * hidden], group: 'dense', initialize: uniformWithin(fanIn ** -0.5) },
]

/** [rows, inputs] -> [rows, experts, hidden]. The mask of layer `expert` is [rows, experts * hidden]. */
export function runExperts(weights: Weights, rows: tf.Tensor2D, experts: number, masks: DropoutMasks): tf.Tensor3D {
  const hidden = tf.relu(tf.add(tf.matMul(rows, weights['expert.weight'] as tf.Tensor2D), weights['expert.bias']!))
  const kept = dropout(hidden, masks, 'expert')
  return tf.reshape(kept, [rows.shape[0], experts, -1]) as tf.Tensor3D
}

export const gateParameters = (
  { inputs, fanIn, tasks }: ArchitectureSizes,
  experts: number,
): readonly ParameterSpec[] => [
  { name: 'gate.weight', shape: [inputs, tasks * experts], group: 'dense', initialize: uniformWithin(fanIn ** -0.5) },
  { name: 'gate.bias', shape: [tasks * experts], group: 'dense', initialize: zeros },
]

/** [rows, inputs] -> shares of the experts [rows, tasks, experts], summing to one over experts. */
export function runGates(weights: Weights, rows: tf.Tensor2D, tasks: number, experts: number): tf.Tensor3D {
  const logits = tf.add(tf.matMul(rows, weights['gate.weight'] as tf.Tensor2D), weights['gate.bias']!)
  return tf.softmax(tf.reshape(logits, [rows.shape[0], tasks, experts])) as tf.Tensor3D
}
