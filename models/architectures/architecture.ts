import type * as tf from '@tensorflow/tfjs-core'
import type { ParameterSpec } from '../engine/parameters.ts'

export type Weights = Readonly<Record<string, tf.Tensor>>

/** Random masks of one step, [rows, width] each, by layer; null when scoring. */
export type DropoutMasks = Weights | null

/** A network over the trunk's rows: pure functions of its sizes. */
export interface Architecture {
  readonly parameters: readonly ParameterSpec[]
  /** Widths of the layers that dropout follows, by name; masks are [rows, width]. */
  readonly dropoutWidths: Readonly<Record<string, number>>
  /** [rows, inputs] -> logits [rows, tasks], without the tasks' biases. A row's logits depend on that row alone. */
  logits(weights: Weights, rows: tf.Tensor2D, masks: DropoutMasks): tf.Tensor2D
}

export interface ArchitectureSizes {
  /** Width of the trunk's rows. */
  readonly inputs: number
  /** Columns of the rows that can differ from zero; what weights are initialised by. */
  readonly fanIn: number
  readonly tasks: number
}
