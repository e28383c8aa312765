import * as tf from '@tensorflow/tfjs-core'
import type { OptimizerSpec, Schedule } from '../spec/ranker.ts'
import type { TensorSpec } from './program.ts'

export interface OptimizerSettings {
  readonly optimizer: OptimizerSpec
  readonly schedule?: Schedule
  /** The gradient is scaled down to this norm where it is longer. */
  readonly clipNorm?: number
}

export interface Optimizer {
  /** State tensors of the step, by name; all start at zero. */
  readonly state: Readonly<Record<string, TensorSpec>>
  /**
   * Next weights and state, all flat [size]. `rate` is a number or one per weight.
   */
  update(
    weights: tf.Tensor,
    gradient: tf.Tensor,
    rate: tf.Tensor | number,
    state: Readonly<Record<string, tf.Tensor>>,
  ): { readonly weights: tf.Tensor; readonly state: Record<string, tf.Tensor> }
}

const [beta1, beta2, epsilon] = [0.9, 0.999, 1e-8]

/** An optimizer over one flat vector of `size` weights, written as plain ops for the recorder. */
export function createOptimizer(size: number, settings: OptimizerSettings): Optimizer {
  const { optimizer, schedule = {}, clipNorm } = settings
  const vector: TensorSpec = { shape: [size], dtype: 'float32' }
  const moments = optimizer.kind === 'sgd' ? [] : optimizer.kind === 'adagrad' ? ['second'] : ['first', 'second']
  const state = {
    step: { shape: [], dtype: 'float32' } satisfies TensorSpec,
    ...Object.fromEntries(moments.map((name) => [name, vector])),
  }
  return {
    state,
    update(weights, gradient, rate, before) {
      const step = tf.add(before.step!, 1)
      const scaled = tf.mul(scheduleFactor(step, schedule), rate)
      const clipped = clipNorm === undefined ? gradient : clip(gradient, clipNorm)
      if (optimizer.kind === 'sgd') return { weights: tf.sub(weights, tf.mul(scaled, clipped)), state: { step } }
      if (optimizer.kind === 'adagrad') {
        const second = tf.add(before.second!, tf.square(clipped))
        const change = tf.div(clipped, tf.add(tf.sqrt(second), epsilon))
        return { weights: tf.sub(weights, tf.mul(scaled, change)), state: { step, second } }
      }
      // The moments are kept without their factors 1 - beta, and every factor joins the scalars: fewer passes over the vectors.
      const first = tf.add(tf.mul(before.first!, beta1), clipped)
      const second = tf.add(tf.mul(before.second!, beta2), tf.square(clipped))
      const unbiased = tf.div(1 - beta1, tf.sub(1, tf.pow(beta1, step)))
      const root = tf.sqrt(tf.div(1 - beta2, tf.sub(1, tf.pow(beta2, step))))
      const pace = tf.mul(tf.div(tf.mul(scheduleFactor(step, schedule), unbiased), root), rate)
      const change = tf.div(tf.mul(pace, first), tf.add(tf.sqrt(second), tf.div(epsilon, root)))
      const decayed =
        optimizer.kind === 'adamw' ? tf.mul(weights, tf.sub(1, tf.mul(scaled, optimizer.weightDecay))) : weights
      return { weights: tf.sub(decayed, change), state: { step, first, second } }
    },
  }
}

function scheduleFactor(step: tf.Tensor, { warmupSteps = 0, decaySteps }: Schedule): tf.Tensor {
  const warm = warmupSteps > 0 ? tf.minimum(tf.div(step, warmupSteps), 1) : tf.onesLike(step)
  if (decaySteps === undefined) return warm
  const share = tf.clipByValue(tf.div(tf.sub(step, warmupSteps), decaySteps - warmupSteps), 0, 1)
  return tf.mul(warm, tf.mul(tf.add(tf.cos(tf.mul(share, Math.PI)), 1), 0.5))
}

function clip(gradient: tf.Tensor, clipNorm: number): tf.Tensor {
  const norm = tf.sqrt(tf.sum(tf.square(gradient)))
  return tf.mul(gradient, tf.minimum(tf.div(clipNorm, tf.maximum(norm, epsilon)), 1))
}

/** Averaged weights after step t = 1, 2, ...: average + (1 - d) (weights - average), d = min(decay, t / (t + 10)). */
export function averageWeights(average: tf.Tensor, weights: tf.Tensor, step: tf.Tensor, decay: number): tf.Tensor {
  const kept = tf.minimum(tf.div(step, tf.add(step, 10)), decay)
  return tf.add(weights, tf.mul(kept, tf.sub(average, weights)))
}
