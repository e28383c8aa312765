import type { SlateExamples } from '../../models/spec/slate.ts'

/** Examples that a version has not learnt, and its float32 scores of them. */
export interface Holdout {
  /** In time order; every impression is an example, in the order of `labels`. */
  readonly slates: readonly SlateExamples[]
  /** [examples, tasks] */
  readonly labels: Float32Array
  readonly known: Float32Array
  readonly scores: Float32Array
  readonly users: Int32Array
  /** By task, of the training rows. */
  readonly baseRates: readonly number[]
}
