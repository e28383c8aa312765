import * as tf from '@tensorflow/tfjs-core'
import { type TaskSpec, taskKind } from '../spec/tasks.ts'

/**
 * Each task's loss [tasks], its weight left out: the mean over known labels, each as often as `known` says, of cross-entropy
 * from logits, or of half the squared error for `value` tasks. A task without a known label in the batch has loss 0 and no gradient.
 */
export function taskLosses(
  tasks: readonly TaskSpec[],
  logits: tf.Tensor2D,
  labels: tf.Tensor2D,
  known: tf.Tensor2D,
): tf.Tensor1D {
  // softplus(z) - z y is -log of the probability that sigmoid(z) gives the label, and keeps its digits for large z.
  const crossEntropy = tf.sub(tf.softplus(logits), tf.mul(logits, labels))
  const squared = tf.mul(tf.squaredDifference(logits, labels), 0.5)
  const isValue = tf.tensor2d(
    tasks.map((task) => (taskKind(task) === 'value' ? 1 : 0)),
    [1, tasks.length],
  )
  const losses = tasks.every((task) => taskKind(task) === 'binary')
    ? crossEntropy
    : tf.add(tf.mul(squared, isValue), tf.mul(crossEntropy, tf.sub(1, isValue)))
  const counts = tf.maximum(tf.sum(known, 0), 1)
  return tf.div(tf.sum(tf.mul(losses, known), 0), counts) as tf.Tensor1D
}

/** The sum over tasks, each with its weight. */
export function totalLoss(tasks: readonly TaskSpec[], losses: tf.Tensor1D): tf.Scalar {
  return tf.sum(tf.mul(losses, tf.tensor1d(tasks.map(({ lossWeight = 1 }) => lossWeight)))) as tf.Scalar
}
