import type * as tf from '@tensorflow/tfjs-core'
import type { Architecture, DropoutMasks } from '../../../models/architectures/architecture.ts'
import { createArchitecture } from '../../../models/architectures/registry.ts'
import { layoutParameters, type ParameterLayout } from '../../../models/engine/parameters.ts'
import type { TensorSpec } from '../../../models/engine/program.ts'
import type { ArchitectureSpec } from '../../../models/spec/ranker.ts'

/** One of each kind that there is. */
const byKind: { readonly [K in ArchitectureSpec['kind']]: Extract<ArchitectureSpec, { kind: K }> } = {
  'single-task': { kind: 'single-task', hidden: 5, tower: 3 },
  'shared-bottom': { kind: 'shared-bottom', hidden: 6, tower: 4 },
  mmoe: { kind: 'mmoe', experts: 3, hidden: 5, tower: 4 },
}
export const smallArchitectures: readonly ArchitectureSpec[] = Object.values(byKind)

/** The same with layers as wide as in use. */
export const wideArchitectures: readonly ArchitectureSpec[] = [
  { ...byKind['single-task'], hidden: 64, tower: 32 },
  { ...byKind['shared-bottom'], hidden: 64, tower: 32 },
  { ...byKind.mmoe, experts: 4, hidden: 64, tower: 32 },
]

export const float = (...shape: readonly number[]): TensorSpec => ({ shape, dtype: 'float32' })

export interface Built {
  readonly architecture: Architecture
  readonly layout: ParameterLayout
  readonly inputs: number
  readonly tasks: number
  /** Logits from the flat weights. */
  logits(flat: tf.Tensor, rows: tf.Tensor, masks?: DropoutMasks): tf.Tensor2D
}

export function build(spec: ArchitectureSpec, inputs: number, tasks: number): Built {
  const architecture = createArchitecture(spec, { inputs, fanIn: inputs, tasks })
  const layout = layoutParameters(architecture.parameters)
  return {
    architecture,
    layout,
    inputs,
    tasks,
    logits: (flat, rows, masks = null) =>
      architecture.logits(layout.slices(flat as tf.Tensor1D), rows as tf.Tensor2D, masks),
  }
}
