import * as tf from '@tensorflow/tfjs-core'
import { algebraGradients } from './algebra.ts'
import { elementwiseGradients } from './elementwise.ts'
import type { GradientTable } from './gradient.ts'
import { reduceGradients } from './reduce.ts'
import { shapeGradients } from './shape.ts'

/**
 * Gradients of the recorded kernels. TensorFlow.js has its own, but in modules that Node cannot import without a bundler
 * (they name folders and leave out file endings), and in those a few are wrong (`cumsum` along an inner axis).
 */
export const gradients: GradientTable = {
  ...elementwiseGradients,
  ...reduceGradients,
  ...shapeGradients,
  ...algebraGradients,
}

/** At import, and again at each recording: packages that bring all of TensorFlow.js put their own in place. */
export function registerGradients(): void {
  for (const [kernelName, gradient] of Object.entries(gradients)) tf.registerGradient({ kernelName, ...gradient })
}

registerGradients()
