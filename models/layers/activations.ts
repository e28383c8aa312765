import * as tf from '@tensorflow/tfjs-core'

/**
 * x sigmoid(x) (Elfwing et al. 2018). Its slope s + y (1 - s), with s the sigmoid and y the value, takes two passes over
 * the tensor fewer than the product rule's.
 */
export const silu = tf.customGrad((input, save) => {
  const x = input as tf.Tensor
  const gate = tf.sigmoid(x)
  const value = tf.mul(x, gate)
  ;(save as tf.GradSaveFunc)([gate, value])
  return {
    value,
    gradFunc: (dy: tf.Tensor, [s, y]: tf.Tensor[]) => tf.mul(dy, tf.add(s!, tf.mul(y!, tf.sub(1, s!)))),
  }
}) as <T extends tf.Tensor>(x: T) => T
