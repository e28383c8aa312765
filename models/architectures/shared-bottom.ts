import * as tf from '@tensorflow/tfjs-core'
import { expertParameters, runExperts } from '../layers/experts.ts'
import { towerParameters, towers } from '../layers/towers.ts'
import type { ArchitectureSpec } from '../spec/ranker.ts'
import type { Architecture, ArchitectureSizes } from './architecture.ts'

/** Shared bottom (Caruana 1997): one hidden layer for all tasks, and a tower for each. */
export function sharedBottom(
  spec: Extract<ArchitectureSpec, { kind: 'shared-bottom' }>,
  sizes: ArchitectureSizes,
): Architecture {
  const { hidden, tower } = spec
  return {
    parameters: [...expertParameters(sizes, 1, hidden), ...towerParameters(sizes.tasks, hidden, tower)],
    dropoutWidths: { expert: hidden, tower: sizes.tasks * tower },
    logits(weights, rows, masks) {
      const bottom = tf.transpose(runExperts(weights, rows, 1, masks), [1, 0, 2]) // [1, B, H]
      return towers(weights, tf.tile(bottom, [sizes.tasks, 1, 1]) as tf.Tensor3D, masks)
    },
  }
}
