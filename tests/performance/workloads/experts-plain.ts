import * as tf from '@tensorflow/tfjs-core'
import { silu } from '../../../models/layers/activations.ts'
import { type LogitsOf, layerNorm, sizes } from './experts-model.ts'

/**
 * The same model, a matmul for each expert, gate and tower: the faster form for TensorFlow.js run eagerly on
 * WebAssembly, whose fast path takes single matrices only.
 */
export const plainLogitsOf: LogitsOf = (weights, rows) => {
  const each = (name: string) => tf.unstack(weights[name]!)
  const layers = (name: string) => {
    const biases = each(`${name}.bias`)
    return each(`${name}.weight`).map((weight, i) => (x: tf.Tensor) => tf.add(tf.matMul(x, weight), biases[i]!))
  }
  const [first, second, tower, head] = [layers('first'), layers('second'), layers('tower'), layers('head')]
  const [gains, shifts] = [each('norm.gain'), each('norm.shift')]
  const experts = first.map((layer, i) => layerNorm(silu(second[i]!(silu(layer(rows)))), gains[i]!, shifts[i]!))
  const outputs = tf.stack(experts, 1) // [B, E, 128]
  const logits = tf.split(weights['gate.weight']!, sizes.tasks, 1).map((weight, task) => {
    const gate = tf.expandDims(tf.softmax(tf.matMul(rows, weight)), -1) // [B, E, 1]
    const mixture = tf.sum(tf.mul(outputs, gate), 1)
    return head[task]!(silu(tower[task]!(mixture))) // [B, 1]
  })
  return tf.transpose(tf.concat(logits, 1)) as tf.Tensor2D
}
