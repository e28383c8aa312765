import * as tf from '@tensorflow/tfjs-core'
import { expertParameters, runExperts } from '../layers/experts.ts'
import { towerParameters, towers } from '../layers/towers.ts'
import type { ArchitectureSpec } from '../spec/ranker.ts'
import type { Architecture, ArchitectureSizes } from './architecture.ts'

/** No sharing above the trunk: a hidden layer and a tower of its own for each task. */
export function singleTask(
  spec: Extract<ArchitectureSpec, { kind: 'single-task' }>,
  sizes: ArchitectureSizes,
): Architecture {
  const { hidden, tower } = spec
  const { tasks } = sizes
  return {
    parameters: [...expertParameters(sizes, tasks, hidden), ...towerParameters(tasks, hidden, tower)],
    dropoutWidths: { expert: tasks * hidden, tower: tasks * tower },
    logits(weights, rows, masks) {
      const own = tf.transpose(runExperts(weights, rows, tasks, masks), [1, 0, 2]) as tf.Tensor3D // [T, B, H]
      return towers(weights, own, masks)
    },
  }
}
