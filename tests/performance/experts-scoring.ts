import * as tf from '@tensorflow/tfjs-core'
import type { Step } from '../../models/engine/record.ts'
import { layout, logitsOf, sizes } from './experts-model.ts'

/** Features of the candidates to probabilities [candidates, tasks]; the weights are part of the graph. */
export const scoringStep = (flat: Float32Array, candidates: number): Step => ({
  inputs: { features: { shape: [candidates, sizes.inputs], dtype: 'float32' } },
  run({ features }) {
    const weights = layout.slices(tf.tensor1d(flat))
    return { outputs: { scores: tf.sigmoid(tf.transpose(logitsOf(weights, features!))) } }
  },
})
