import * as tf from '@tensorflow/tfjs-core'
import { expertParameters, gateParameters, runExperts, runGates } from '../layers/experts.ts'
import { towerParameters, towers } from '../layers/towers.ts'
import type { ArchitectureSpec } from '../spec/ranker.ts'
import type { Architecture, ArchitectureSizes } from './architecture.ts'

/** Multi-gate mixture of experts (Ma et al., KDD 2018): shared experts, and for each task a gate that mixes them. */
export function mmoe(spec: Extract<ArchitectureSpec, { kind: 'mmoe' }>, sizes: ArchitectureSizes): Architecture {
  const { experts, hidden, tower } = spec
  const { tasks } = sizes
  return {
    parameters: [
      ...expertParameters(sizes, experts, hidden),
      ...gateParameters(sizes, experts),
      ...towerParameters(tasks, hidden, tower),
    ],
    dropoutWidths: { expert: experts * hidden, tower: tasks * tower },
    logits(weights, rows, masks) {
      const outputs = runExperts(weights, rows, experts, masks) // [B, E, H]
      const gates = runGates(weights, rows, tasks, experts) // [B, T, E]
      const mixtures = tf.transpose(tf.matMul(gates, outputs), [1, 0, 2]) as tf.Tensor3D // [T, B, H]
      return towers(weights, mixtures, masks)
    },
  }
}
